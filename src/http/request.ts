import { z } from 'zod';

/** Whole number in a query string or a body. */
export const wholeNumber = z.union([
  z.number().int().nonnegative(),
  z
    .string()
    .regex(/^\d{1,15}$/, 'must be an integer')
    .transform(Number),
]);
/** Actor of a command ({@link actorOf} reads the name) and the reason, for the audit table. */
export const byWhom = { by: z.string().trim().min(1).max(128).optional(), why: z.string().trim().max(900).default('') };
