import { StandardSchemaValidationPipe } from '@nestjs/common';
import type { z } from 'zod';
import { parseRequest } from '../shared/parse.js';

/** Gives handlers what the schema of a parameter makes of it. Throws {@link TocsinError} of the code that the schema carries. */
export class RequestValidationPipe extends StandardSchemaValidationPipe {
  protected override validate<T>(value: unknown, schema: unknown): { readonly value: T } {
    return { value: parseRequest(schema as z.ZodType<T>, value ?? {}) };
  }
}
