import { TocsinError } from '../shared/errors.js';
import { JsonError, decodeText, flawCodes, parseText } from '../shared/json.js';
import { firstLine, readLines } from './ndjson.js';

const linesType = /^application\/(?:x-)?(?:nd-?json|json-?lines?|jsonl)\b/i;

/**
 * The items of a body: one JSON object, an array of them, `{"events":[…]}`, or a JSON object on each line. Lines are recognised by the content
 * type, or by a first line that is a complete object. Throws {@link TocsinError} T1001, T1002 when the body has no items, and T1010 when there are
 * more than `most`.
 */
export function readItems(body: Buffer, contentType: string | undefined, most: number): unknown[] {
  const items = linesType.test(contentType ?? '') ? readLines(body, most) : readDocument(body, most);
  if (items.length > most) throw new TocsinError('T1010', `at most ${most}`);
  return items;
}

function readDocument(body: Buffer, most: number): unknown[] {
  try {
    const document = parseText(decodeText(body));
    if (Array.isArray(document)) return document as unknown[];
    const { events, event_type: type } = (document ?? {}) as { events?: unknown; event_type?: unknown };
    return Array.isArray(events) && type === undefined ? (events as unknown[]) : [document];
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    if (firstLine(body)) return readLines(body, most);
    throw new TocsinError(flawCodes[error.reason], error.message);
  }
}
