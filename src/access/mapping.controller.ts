import { Body, Controller, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Endpoint } from '../http/endpoint.decorator.js';
import { rawEvent } from '../topics.js';
import { itemErrors } from './ingest-responses.js';
import { type MappingTestResult, MappingService, type MappingTest, mappingTestSchema } from './mapping.service.js';

@ApiTags('access')
@Controller('api/v1/mappings')
export class MappingController {
  constructor(private readonly mappings: MappingService) {}

  @Post('test')
  @Endpoint({
    summary: 'Apply a mapping to a sample, without storing anything',
    description: '{"mapping":{…},"sample":…,"business":"2","source":"name"}; a string sample represents the bytes of a request body, for NDJSON.',
    permission: 'mapping:test',
    response: z.object({ events: z.array(rawEvent), errors: itemErrors }),
  })
  test(@Body({ schema: mappingTestSchema }) body: MappingTest): MappingTestResult {
    return this.mappings.test(body, Date.now());
  }
}
