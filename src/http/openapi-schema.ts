import { z } from 'zod';

/** The schema in the words of OpenAPI 3.0, as clients send (`input`) or get (`output`) a value. What JSON Schema cannot say allows anything. */
export function openApiSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _version, ...described } = z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      // Later versions may answer more fields.
      if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
    },
  });
  return described;
}

/** What every failed request answers, except under /api/v2. */
const error = z.object({ error: z.object({ code: z.string(), message: z.string(), details: z.unknown().optional() }) });

/** The schemas that routes refer to by name. */
export const componentSchemas = { Error: openApiSchema(error, 'output') };

/** Refers to the schema of an error. */
export const errorReference = { $ref: '#/components/schemas/Error' };
