import type { z } from 'zod';
import { parse, whole } from './parse.js';

/** Rows of a page unless the request says otherwise. */
export const DEFAULT_LIMIT = 50;
/** The query parameter `limit` of every list. */
export const limit = whole(1, 1000).default(DEFAULT_LIMIT);

/** Parses a query string. Throws {@link TocsinError} T3003 that names every parameter that is wrong. */
export function parseQuery<T>(schema: z.ZodType<T>, query: unknown): T {
  return parse(schema, query ?? {}, 'T3003', 'query');
}
