import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { type Mapped, MappingService, mappingTestSchema } from './mapping.service.js';

@ApiTags('access')
@Controller('api/v1/mappings')
export class MappingController {
  constructor(private readonly mappings: MappingService) {}

  @Post('test')
  @HttpCode(200)
  @ApiOperation({
    summary: 'What a mapping makes of a sample; nothing is kept',
    description:
      '{"mapping":{…},"sample":…,"business":"2","source":"name"}; a sample that is text stands for the bytes of a request, so that lines can be tried too.',
  })
  @ApiResponse({ status: 200, description: '{"events":[…],"errors":[{"index","code","message"}]}' })
  @ApiResponse({ status: 400, description: 'T1017: which fields of the mapping are wrong' })
  test(@Body({ schema: mappingTestSchema }) body: unknown): Mapped {
    return this.mappings.test(body, Date.now());
  }
}
