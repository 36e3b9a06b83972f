import { applyDecorators, HttpCode } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiExtension, ApiOperation, ApiProduces, ApiResponse } from '@nestjs/swagger';
import type { z } from 'zod';
import { Allow } from './allow.decorator.js';
import { errorReference, openApiSchema } from './openapi-schema.js';
import { type Permission, permissions } from './permissions.js';

type Json<T> = T extends readonly (infer I)[] ? readonly Json<I>[] : T extends object ? { readonly [K in keyof T]: Json<T[K]> } : T;
type Answer<S extends z.ZodType> = Json<z.output<S>>;

interface EndpointOptions<S extends z.ZodType> {
  readonly summary: string;
  readonly description?: string;
  readonly permission: Permission;
  /** Status of success; default 200. */
  readonly status?: number;
  /** Schema of the response, which the handler must return. Absent: no content. */
  readonly response?: S;
  /** Body schema of a route that parses the body itself; elsewhere `@Body({ schema })` declares it. */
  readonly body?: z.ZodType;
  /** Content types of the body; default application/json. */
  readonly consumes?: readonly string[];
  /** Content type of the response; default application/json. Without `response` the response body is bytes. */
  readonly produces?: string;
}

/** A route of the API: its permission, its status, and its documentation. A handler that returns another shape does not compile. */
export function Endpoint<S extends z.ZodType = z.ZodVoid>(options: EndpointOptions<S>) {
  return <F extends (...values: never[]) => Answer<S> | Promise<Answer<S>>>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<F>,
  ): void => applyDecorators(...decoratorsOf(options))(target, key, descriptor);
}

function decoratorsOf({ summary, description, permission, status = 200, response, body, consumes, produces }: EndpointOptions<z.ZodType>) {
  const bytes = produces === undefined ? undefined : { type: 'string', format: 'binary' };
  const schema = response ? openApiSchema(response, 'output') : bytes;
  const means = `${permission}: ${permissions[permission]}`;
  return [
    Allow(permission),
    HttpCode(status),
    ApiOperation({ summary, ...(description !== undefined && { description }) }),
    ApiExtension('x-permission', permission),
    ApiResponse({ status, description: 'Success', ...(schema && { schema }) }),
    ApiResponse({ status: 'default', description: `Failure; needs the permission ${means}`, schema: errorReference }),
    ...(body ? [ApiBody({ schema: openApiSchema(body, 'input') })] : []),
    ...(consumes ? [ApiConsumes(...consumes)] : []),
    ...(produces ? [ApiProduces(produces)] : []),
  ];
}
