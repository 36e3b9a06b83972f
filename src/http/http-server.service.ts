import type { ServerResponse } from 'node:http';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Config } from '../config.js';
import { answerTo } from './error-answer.filter.js';
import { readBody } from './body.js';
import { DECOMPRESSED_TIMES } from './decompress.js';
import { TocsinErrorFilter } from './error.filter.js';
import { RequestValidationPipe } from './request-validation.pipe.js';
import { PathMethods } from './methods.js';
import { TocsinError } from '../shared/errors.js';

/** Timeouts (ms) for the headers, for the whole request, and between two requests on one connection. */
const HEADERS_MS = 15_000;
const REQUEST_MS = 60_000;
const KEEP_ALIVE_MS = 75_000;
/** Interval (ms) at which the server checks the timeouts of headers and requests. */
const SLOW_CHECK_MS = 5_000;

/**
 * Creates the HTTP server: one parser reads every body ({@link readBody}), size and time are limited, trailing slashes are ignored,
 * closing waits for running requests and drops idle connections.
 */
export function createHttpAdapter(config: Pick<Config, 'MAX_BODY_BYTES'>): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: config.MAX_BODY_BYTES,
    routerOptions: { ignoreTrailingSlash: true },
    forceCloseConnections: 'idle',
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    frameworkErrors: (error: Error, request: { readonly url: string }, reply: { readonly raw: ServerResponse }) => {
      const { status, body } = answerTo(error, request.url);
      reply.raw.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(`${JSON.stringify(body)}\n`);
    },
    http: { headersTimeout: HEADERS_MS, connectionsCheckingInterval: SLOW_CHECK_MS },
  });
  const limit = config.MAX_BODY_BYTES * DECOMPRESSED_TIMES;
  adapter.getInstance().removeAllContentTypeParsers();
  adapter.useBodyParser('*', false, { bodyLimit: config.MAX_BODY_BYTES }, (request, bytes, done) => {
    readBody(request, bytes, limit).then(
      (body) => done(null, body),
      (error: Error) => done(error),
    );
  });
  endConnectionsWhenClosing(adapter);
  refuseWrongMethods(adapter);
  return adapter;
}

/** Responds 405 with the allowed methods, instead of 404, when the path exists for other methods. */
function refuseWrongMethods(adapter: FastifyAdapter): void {
  const paths = new PathMethods();
  adapter.getInstance().addHook('onRoute', ({ method, url }) => paths.add(method, url));
  adapter.getInstance().addHook('onRequest', (request, reply, done) => {
    const allowed = request.is404 ? paths.of(request.url) : [];
    if (allowed.length === 0 || allowed.includes(request.method)) return done();
    reply.header('allow', allowed.join(', '));
    done(new TocsinError('T1019', `${request.method}; allowed: ${allowed.join(', ')}`));
  });
}

/** Closes the connection after each response that is sent during shutdown: keep-alive connections would delay the shutdown. */
function endConnectionsWhenClosing(adapter: FastifyAdapter): void {
  let closing = false;
  adapter.getInstance().addHook('preClose', (done) => {
    closing = true;
    done();
  });
  adapter.getInstance().addHook('onSend', (_request, reply, payload, done) => {
    if (closing) reply.header('connection', 'close');
    done(null, payload);
  });
}

/**
 * Configures the handling of all requests: schemas parse bodies and queries ({@link RequestValidationPipe}), failures have one format
 * ({@link TocsinErrorFilter}), and pages of other sites cannot send commands through the browser of a user. The origin of EXTERNAL_URL is
 * trusted, for installations behind a proxy with another host name.
 */
export function configureHttp(app: NestFastifyApplication, config: Pick<Config, 'EXTERNAL_URL'>): void {
  app.enableCsrfProtection({ trustedOrigins: ownOrigins(config.EXTERNAL_URL) });
  app.useGlobalPipes(new RequestValidationPipe());
  app.useGlobalFilters(new TocsinErrorFilter());
}

function ownOrigins(url: string | undefined): string[] {
  return url && /^https?:\/\//.test(url) && URL.canParse(url) ? [new URL(url).origin] : [];
}
