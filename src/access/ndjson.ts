import { JsonError, decodeText, flawCodes, parseText } from '../shared/json.js';
import { Rejection } from './rejection.js';

const NEWLINE = 0x0a;
const BLANK = 0x20;

/**
 * Returns one value for each non-blank line: its JSON, or a rejection. An invalid line does not affect the others.
 * Stops reading after `most` + 1 lines, so that the caller can detect that there are too many.
 */
export function readLines(body: Buffer, most: number): unknown[] {
  const items: unknown[] = [];
  let line = 1;
  for (let start = 0; start < body.length && items.length <= most; line++) {
    const end = lineEnd(body, start);
    const bytes = body.subarray(start, end);
    if (!isBlank(bytes)) items.push(readLine(bytes, line));
    start = end + 1;
  }
  return items;
}

/** The object on the first line if more lines follow, which distinguishes JSON lines from a malformed document; undefined otherwise. */
export function firstLine(body: Buffer): object | undefined {
  let start = 0;
  while (start < body.length && body[start]! <= BLANK) start++;
  const end = lineEnd(body, start);
  if (end >= body.length) return undefined;
  const item = readLine(body.subarray(start, end), 1);
  return typeof item === 'object' && item !== null && !Array.isArray(item) && !(item instanceof Rejection) ? item : undefined;
}

function readLine(bytes: Buffer, line: number): unknown {
  try {
    return parseText(decodeText(bytes));
  } catch (error) {
    if (error instanceof JsonError) return new Rejection(flawCodes[error.reason], `line ${line}: ${error.message}`);
    throw error;
  }
}

function lineEnd(body: Buffer, start: number): number {
  const newline = body.indexOf(NEWLINE, start);
  return newline === -1 ? body.length : newline;
}

function isBlank(bytes: Buffer): boolean {
  for (const byte of bytes) {
    if (byte > BLANK) return false;
  }
  return true;
}
