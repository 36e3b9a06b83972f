import { z } from 'zod';

/** Converts a schema to OpenAPI 3.0, as clients send (`input`) or receive (`output`) a value. Types without an equivalent allow any value. */
export function openApiSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _version, ...described } = z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      // Later versions may add fields to a response.
      if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
    },
  });
  return described;
}

/** Body of the response to a failed request, except under /api/v2. */
const error = z.object({ error: z.object({ code: z.string(), message: z.string(), details: z.unknown().optional() }) });

/** The schemas that routes refer to by name. */
export const componentSchemas = { Error: openApiSchema(error, 'output') };

/** Reference to the schema of an error. */
export const errorReference = { $ref: '#/components/schemas/Error' };
