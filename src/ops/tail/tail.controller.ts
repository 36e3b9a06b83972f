import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { parseTailQuery } from './tail-query.js';
import { type Tail, TailService } from './tail.service.js';

@ApiTags('operations')
@Controller('api/v1/topics')
export class TailController {
  constructor(private readonly records: TailService) {}

  @Get(':topic/records')
  @ApiOperation({ summary: 'The newest records of a topic over all its partitions, decoded where possible; no consumer group is involved' })
  @ApiQuery({ name: 'n', required: false, description: 'how many, at most 1000 (10)' })
  @ApiQuery({ name: 'partition', required: false })
  @ApiQuery({ name: 'key', required: false, description: 'only records, or events of envelopes, with this key' })
  @ApiQuery({ name: 'grep', required: false, description: 'only records with this text' })
  @ApiQuery({ name: 'scan', required: false, description: 'records that a search looks at (20000)' })
  @ApiQuery({ name: 'raw', required: false, description: 'true: nothing is decoded' })
  @ApiQuery({ name: 'unfold', required: false, description: 'true: the events of an envelope one by one' })
  @ApiQuery({ name: 'after', required: false, description: 'from these positions on (the next of an answer), oldest first' })
  tail(@Param('topic') topic: string, @Query() query: unknown): Promise<Tail> {
    return this.records.tail(topic, parseTailQuery(query));
  }
}
