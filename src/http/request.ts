import { z } from 'zod';
import { parse } from '../shared/parse.js';

/** Whole number in a query string or a body. */
export const wholeNumber = z.union([
  z.number().int().nonnegative(),
  z
    .string()
    .regex(/^\d{1,15}$/, 'must be an integer')
    .transform(Number),
]);
/** true or false, in a query string or a body. */
export const yesOrNo = z.union([z.boolean(), z.enum(['true', 'false']).transform((value) => value === 'true')]);
/** Who gives a command ({@link actorOf} reads the name), and why: for the audit table. */
export const byWhom = { by: z.string().trim().min(1).max(128).optional(), why: z.string().trim().max(900).default('') };

/** Checks a query or a body. Throws {@link TocsinError} T9002 that names every wrong field. */
export function parseRequest<T>(schema: z.ZodType<T>, value: unknown): T {
  return parse(schema, value ?? {}, 'T9002', '(body)');
}
