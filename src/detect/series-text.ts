import { type Dimensions, dimensionText } from './conditions.js';

/** Lengths as single characters, so that building a text formats no numbers. */
const LONG = 255;
const marks = Array.from({ length: LONG }, (_, length) => String.fromCharCode(length));

/**
 * The text of a series: its dimensions in the order of `names`, then the event source when one is given.
 * Every part but the last is prefixed with its length, so that different series have different texts.
 */
export function seriesText(names: readonly string[], dimensions: Dimensions, source: string | undefined): string {
  const before = source === undefined ? names.length - 1 : names.length;
  let text = '';
  for (let index = 0; index < before; index++) {
    const part = dimensionText(dimensions, names[index]!);
    text += (part.length < LONG ? marks[part.length]! : `${String.fromCharCode(LONG)}${part.length};`) + part;
  }
  if (source !== undefined) return text + source;
  return before < 0 ? text : text + dimensionText(dimensions, names[before]!);
}

/** Splits the text of a series into its `count` parts. */
export function partsOf(text: string, count: number): string[] {
  const parts: string[] = [];
  let at = 0;
  while (parts.length < count - 1) {
    let length = text.charCodeAt(at++);
    if (length === LONG) {
      const end = text.indexOf(';', at);
      length = Number(text.slice(at, end));
      at = end + 1;
    }
    parts.push(text.slice(at, at + length));
    at += length;
  }
  if (count > 0) parts.push(text.slice(at));
  return parts;
}
