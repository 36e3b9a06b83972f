import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Metrics } from './metrics.service.js';

/** Records the duration of every response by route, not by path, whose values are unlimited. Must be called before the application is initialised. */
export function measureHttp(app: NestFastifyApplication): void {
  const metrics = app.get(Metrics);
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onResponse', (request, reply, done) => {
      const route = request.routeOptions.url ?? 'none';
      metrics.observe('tocsin_http_request_duration_seconds', { method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
      done();
    });
}
