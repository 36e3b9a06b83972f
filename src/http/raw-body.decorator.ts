import { RouteConfig } from '@nestjs/platform-fastify';

/** Route configuration that {@link RawBody} sets. */
export interface RawBodyRoute {
  /** Content encodings that the handler decodes itself; all others are decoded before the handler. */
  readonly rawBody: readonly string[];
}

/**
 * Passes the bytes of the body to the handler, whatever the content type: `@Body() body: Buffer | undefined`.
 * Other handlers receive JSON bodies parsed.
 */
export const RawBody = (...encodings: readonly string[]): MethodDecorator => RouteConfig({ rawBody: encodings } satisfies RawBodyRoute);
