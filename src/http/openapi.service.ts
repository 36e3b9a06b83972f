import type { INestApplication } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { version } from '../shared/version.js';
import { componentSchemas } from './openapi-schema.js';

/** The routes of an initialised application as an OpenAPI document. */
export function openApiDocument(app: INestApplication, release: string): OpenAPIObject {
  const description = 'Events in, alerts out. Errors are {"error":{"code","message","details"}}; see docs/errors.md for the codes.';
  const options = new DocumentBuilder().setTitle('Tocsin').setDescription(description).setVersion(release).build();
  const document = SwaggerModule.createDocument(app, options);
  return { ...document, components: { ...document.components, schemas: { ...document.components?.schemas, ...componentSchemas } } };
}

/** OpenAPI at /docs (page) and /docs-json. */
export function serveDocs(app: NestFastifyApplication): void {
  SwaggerModule.setup('docs', app, () => openApiDocument(app, version), { customSiteTitle: 'Tocsin API' });
}
