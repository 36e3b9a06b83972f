import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { parseTailQuery } from './tail-query.js';
import { type Tail, TailService } from './tail.service.js';

@ApiTags('operations')
@Controller('api/v1/topics')
export class TailController {
  constructor(private readonly records: TailService) {}

  @Get(':topic/records')
  @ApiOperation({ summary: 'Get the newest records of a topic over all partitions, decoded where possible, without a consumer group' })
  @ApiQuery({ name: 'n', required: false, description: 'number of records, at most 1000 (10)' })
  @ApiQuery({ name: 'partition', required: false })
  @ApiQuery({ name: 'key', required: false, description: 'only records, or events in envelopes, with this key' })
  @ApiQuery({ name: 'grep', required: false, description: 'only records that contain this text' })
  @ApiQuery({ name: 'scan', required: false, description: 'number of records to search (20000)' })
  @ApiQuery({ name: 'raw', required: false, description: 'true: raw bytes, without decoding' })
  @ApiQuery({ name: 'unfold', required: false, description: 'true: return the events of an envelope separately' })
  @ApiQuery({ name: 'after', required: false, description: 'records after these positions (next of the previous response), oldest first' })
  tail(@Param('topic') topic: string, @Query() query: unknown): Promise<Tail> {
    return this.records.tail(topic, parseTailQuery(query));
  }
}
