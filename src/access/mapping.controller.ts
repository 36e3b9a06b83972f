import { Body, Controller, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Endpoint } from '../http/endpoint.decorator.js';
import { itemErrors } from './ingest-responses.js';
import { type Mapped, MappingService, type MappingTest, mappingTestSchema } from './mapping.service.js';

@ApiTags('access')
@Controller('api/v1/mappings')
export class MappingController {
  constructor(private readonly mappings: MappingService) {}

  @Post('test')
  @Endpoint({
    summary: 'Try a mapping on a sample; nothing is stored',
    description:
      '{"mapping":{…},"sample":…,"business":"2","source":"name"}; a sample that is text stands for the bytes of a request, so that lines can be tried too.',
    permission: 'mapping:test',
    response: z.object({ events: z.array(z.unknown()), errors: itemErrors }),
  })
  test(@Body({ schema: mappingTestSchema }) body: MappingTest): Mapped {
    return this.mappings.test(body, Date.now());
  }
}
