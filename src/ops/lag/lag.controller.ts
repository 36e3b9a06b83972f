import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { Consumers } from '../../log/consuming/consumers.service.js';
import { type LagAnswer, lagAnswer } from './lag-answer.js';
import { LagWatch } from '../../runtime/lag-watch.service.js';

@ApiTags('operations')
@Controller('api/v1/lag')
export class LagController {
  constructor(
    private readonly consumers: Consumers,
    private readonly watch: LagWatch,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'Get the consumer lag of every group',
    description:
      '`current` is the offset committed to the log, `cursor` the authoritative position in the database, `lag` the log end offset minus `current`. ' +
      'Rates are averages of the last minute. Unavailable values are null; `problems` lists the reasons.',
  })
  @ApiQuery({ name: 'group', required: false, description: 'Only this consumer group, without prefix' })
  @ApiQuery({ name: 'topic', required: false, description: 'Only this topic, without prefix' })
  async lag(@Query('group') group: unknown, @Query('topic') topic: unknown): Promise<LagAnswer> {
    const fits = (wanted: unknown, name: string): boolean => wanted === undefined || wanted === '' || wanted === name;
    const wanted = (at: { group: string; topic: string }): boolean => fits(group, at.group) && fits(topic, at.topic);
    const found = await this.consumers.lag(wanted);
    return lagAnswer(found, (at) => this.watch.rate(at), this.watch.congestion.filter(wanted), Date.now());
  }
}
