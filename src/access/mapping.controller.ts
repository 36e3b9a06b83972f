import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { type MappingTestResult, MappingService, mappingTestSchema } from './mapping.service.js';

@ApiTags('access')
@Controller('api/v1/mappings')
export class MappingController {
  constructor(private readonly mappings: MappingService) {}

  @Post('test')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Apply a mapping to a sample, without storing anything',
    description: '{"mapping":{…},"sample":…,"business":"2","source":"name"}; a string sample represents the bytes of a request body, for NDJSON.',
  })
  @ApiResponse({ status: 200, description: '{"events":[…],"errors":[{"index","code","message"}]}' })
  @ApiResponse({ status: 400, description: 'T1017: invalid fields of the mapping' })
  test(@Body({ schema: mappingTestSchema }) body: unknown): MappingTestResult {
    return this.mappings.test(body, Date.now());
  }
}
