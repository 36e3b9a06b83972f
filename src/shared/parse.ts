import { z } from 'zod';
import { type ErrorCode, TocsinError } from './errors.js';

/**
 * Parses the value with the schema. Throws {@link TocsinError} with `code`, whose message and details name every invalid field and the reason;
 * `whole` is the name of the value itself.
 */
export function parse<T>(schema: z.ZodType<T>, value: unknown, code: ErrorCode, whole: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const details = result.error.issues.map(({ path, message }) => ({ field: path.join('.') || whole, problem: message }));
  throw new TocsinError(code, details.map(({ field, problem }) => `${field}: ${problem}`).join('; '), details);
}

interface RequestErrors {
  readonly code: ErrorCode;
  /** Name of the value itself in messages. */
  readonly whole: string;
}

const requestErrors = z.registry<RequestErrors>();

/** The schema of a request body, with an example for the API documentation and the error code of an invalid body. */
export function bodySchema<S extends z.ZodType>(
  schema: S,
  { code, whole = 'body', example }: Partial<RequestErrors> & { code: ErrorCode; example: z.input<S> },
): S {
  const described = schema.meta({ example });
  requestErrors.add(described, { code, whole });
  return described;
}

/** The schema of a query string, with the error code of an invalid one. */
export function querySchema<S extends z.ZodType>(schema: S, code: ErrorCode): S {
  requestErrors.add(schema, { code, whole: 'query' });
  return schema;
}

/** Parses the value with a {@link bodySchema} or {@link querySchema}. Throws {@link TocsinError} with the code of the schema, else T9002. */
export function parseRequest<T>(schema: z.ZodType<T>, value: unknown): T {
  const { code, whole } = requestErrors.get(schema) ?? { code: 'T9002', whole: '(body)' };
  return parse(schema, value, code, whole);
}

/** Numeric id in a path; other text is the id of no object. Throws {@link TocsinError} with `code`. */
export const numericId = (code: ErrorCode, digits = 15) =>
  z
    .string()
    .transform((text) => {
      if (!/^\d+$/.test(text) || text.length > digits) throw new TocsinError(code, text);
      return Number(text);
    })
    .meta({ type: 'integer' });

/** A query parameter, given at most once. */
export const one = z.string({ error: 'must be given only once' });

/** An integer query parameter from `least` to `most`. */
export const whole = (least: number, most: number) =>
  one
    .regex(/^\d+$/, 'must be an integer')
    .transform(Number)
    .pipe(z.number().min(least).max(most))
    .meta({ type: 'integer', pattern: undefined, minimum: least, maximum: most });

/** A boolean query parameter. */
export const booleanParameter = one.pipe(z.enum(['true', 'false'])).transform((value) => value === 'true');
