import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { version } from '../shared/version.js';

/** OpenAPI at /docs (page) and /docs-json. */
export function serveDocs(app: NestFastifyApplication): void {
  const description = 'Events in, alerts out. Errors are {"error":{"code","message","details"}}; see docs/errors.md for the codes.';
  const options = new DocumentBuilder().setTitle('Tocsin').setDescription(description).setVersion(version).build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, options), { customSiteTitle: 'Tocsin API' });
}
