import { TocsinError } from '../shared/errors.js';

/** The header that names the business of a request. */
export const BUSINESS_HEADER = 'x-bk-biz-id';

/** Format of the name of a business, for error messages. */
export const businessFormat = 'a string of at most 64 printable ASCII characters without spaces';

/** The name of a business as text (an integer equals its text), or undefined when it is invalid. */
export function businessName(value: unknown): string | undefined {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  return typeof text === 'string' && /^[!-~]{1,64}$/.test(text) ? text : undefined;
}

/**
 * The business that a request names in its query (`?bk_biz_id=2`) or else in its header; undefined when it names none.
 * Throws {@link TocsinError} T1101 when it names several, or an invalid one.
 */
export function businessOf(query: unknown, header: unknown): string | undefined {
  const named = query === undefined || query === '' ? header : query;
  if (named === undefined || named === '') return undefined;
  const name = businessName(named);
  if (name === undefined) throw new TocsinError('T1101', `bk_biz_id must be one ${businessFormat}`);
  return name;
}
