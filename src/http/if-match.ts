import { type ErrorCode, TocsinError } from '../shared/errors.js';

/** OpenAPI description of the header. */
export const ifMatchHeader = { name: 'if-match', required: false, description: 'Version that the change replaces; another version is a conflict' };

/** Parses the version in If-Match, with or without quotes; undefined without the header. Throws {@link TocsinError} with `code`. */
export function versionIn(ifMatch: string | undefined, code: ErrorCode): number | undefined {
  if (ifMatch === undefined) return undefined;
  const digits = ifMatch.replaceAll('"', '');
  if (!/^\d{1,15}$/.test(digits)) throw new TocsinError(code, 'If-Match: must be a version number');
  return Number(digits);
}
