import { z } from 'zod';
import { type ErrorCode, TocsinError } from './errors.js';

/**
 * What the schema makes of the value. Throws {@link TocsinError} of the given code whose text and details name every field that is wrong and
 * why; `whole` is the name of the value itself.
 */
export function parse<T>(schema: z.ZodType<T>, value: unknown, code: ErrorCode, whole: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const details = result.error.issues.map(({ path, message }) => ({ field: path.join('.') || whole, problem: message }));
  throw new TocsinError(code, details.map(({ field, problem }) => `${field}: ${problem}`).join('; '), details);
}

/** A parameter of a query string. */
export const one = z.string({ error: 'must be given only once' });

/** A parameter that is a whole number. */
export const whole = (least: number, most: number) =>
  one.regex(/^\d+$/, 'must be an integer').transform(Number).pipe(z.number().min(least).max(most));

/** A parameter that is true or false. */
export const flag = one.pipe(z.enum(['true', 'false'])).transform((value) => value === 'true');
