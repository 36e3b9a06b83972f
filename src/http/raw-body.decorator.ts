import { RouteConfig } from '@nestjs/platform-fastify';

/** What {@link RawBody} notes in the configuration of a route. */
export interface RawBodyRoute {
  /** Content encodings that the handler undoes itself; gzip and deflate are always undone before it. */
  readonly rawBody: readonly string[];
}

/**
 * The handler gets the bytes of the body, whatever the content type says: `@Body() body: Buffer | undefined`.
 * Every other handler gets parsed JSON.
 */
export const RawBody = (...encodings: readonly string[]): MethodDecorator => RouteConfig({ rawBody: encodings } satisfies RawBodyRoute);
