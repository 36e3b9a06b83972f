import { TocsinError } from '../../shared/errors.js';
import { JsonError, decodeText, flawCodes, flawOf, parseText } from '../../shared/json.js';
import { firstLine, readLines } from '../ndjson.js';
import { EVENT_DEPTH } from '../normalise.js';
import { Rejection } from '../rejection.js';

const linesType = /^application\/(?:x-)?(?:nd-?json|json-?lines?|jsonl)\b/i;

export type Fields = Readonly<Record<string, unknown>>;

/** Parses JSON. Depth and keys are validated later, per item. Throws {@link TocsinError} T1001, T1002. */
export function readDocument(bytes: Buffer): unknown {
  try {
    return parseText(decodeText(bytes));
  } catch (error) {
    if (error instanceof JsonError) throw new TocsinError(flawCodes[error.reason], error.message);
    throw error;
  }
}

/**
 * Parses JSON: one document, or one on each line. Lines are recognised by the content type, or by a first line that is a complete object;
 * an invalid line is a {@link Rejection}. Throws {@link TocsinError} T1001, T1002.
 */
export function readDocuments(bytes: Buffer, contentType: string | undefined, most: number): unknown[] {
  if (linesType.test(contentType ?? '')) return readLines(bytes, most);
  try {
    return [readDocument(bytes)];
  } catch (error) {
    if (firstLine(bytes)) return readLines(bytes, most);
    throw error;
  }
}

/** Returns the items. Throws {@link TocsinError} T1010 when there are more than `most`. */
export function atMost<T>(items: T[], most: number): T[] {
  if (items.length > most) throw new TocsinError('T1010', `at most ${most}`);
  return items;
}

/** Returns the item as an object, or a rejection. `what` names the item in the message of the rejection. */
export function fieldsOf(item: unknown, what: string): Fields | Rejection {
  if (item instanceof Rejection) return item;
  const flaw = flawOf(item, EVENT_DEPTH);
  if (flaw === 'proto') return new Rejection('T1006', `in ${what}`);
  if (flaw) return new Rejection('T1005', `${what} has more than ${EVENT_DEPTH} levels`);
  return isFields(item) ? item : new Rejection('T1101', `${what} must be an object`);
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
