import { StandardSchemaValidationPipe } from '@nestjs/common';
import type { z } from 'zod';
import { parseRequest } from '../shared/parse.js';

/** Parses the parameters of handlers with their schemas. Throws {@link TocsinError} with the error code of the schema. */
export class RequestValidationPipe extends StandardSchemaValidationPipe {
  protected override validate<T>(value: unknown, schema: unknown): { readonly value: T } {
    return { value: parseRequest(schema as z.ZodType<T>, value ?? {}) };
  }
}
