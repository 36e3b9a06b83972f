import { z } from 'zod';
import { one, whole } from './parse.js';

/** Default number of rows of a page. */
export const DEFAULT_LIMIT = 50;
/** The query parameter `limit` of every list. */
export const limit = whole(1, 1000).default(DEFAULT_LIMIT).describe('Rows of a page');

/** One page of a list: `next_cursor` is null on the last one. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next_cursor: string | null;
}

/** The text of a position in a list, for `next_cursor`. Opaque to clients. */
export const cursorText = (position: readonly (string | number)[]): string => Buffer.from(JSON.stringify(position)).toString('base64url');

/** The query parameter `cursor` of a list whose rows have such positions. Rejects text that {@link cursorText} did not create. */
export function cursor<const P extends readonly [z.ZodType, ...z.ZodType[]]>(...parts: P) {
  const position = z.tuple(parts as unknown as [z.ZodType, ...z.ZodType[]]);
  return one
    .transform((text, context): { -readonly [K in keyof P]: z.output<P[K]> } => {
      const { success, data } = position.safeParse(decoded(text));
      if (success) return data as { -readonly [K in keyof P]: z.output<P[K]> };
      context.addIssue({ code: 'custom', message: `cursor=${text} is not the next_cursor of a page` });
      return z.NEVER;
    })
    .optional()
    .describe('next_cursor of the previous page');
}

/** The query parameter `cursor` of a list in the order of numeric ids. */
export const idCursor = cursor(z.number().int().nonnegative());

function decoded(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown;
  } catch {
    return undefined;
  }
}

/** Builds a page from the rows of a query for `limit` + 1 rows. */
export function pageOf<T>(rows: readonly T[], limit: number, positionOf: (row: T) => readonly (string | number)[]): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next_cursor: last !== undefined && rows.length > limit ? cursorText(positionOf(last)) : null };
}
