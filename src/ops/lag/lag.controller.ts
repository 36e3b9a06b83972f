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
    summary: 'How far every consumer group is behind the end of the log',
    description:
      '`current` is what the group has committed to the log, `cursor` what has taken effect (the truth, which `current` follows), `lag` the end minus `current`. ' +
      'Rates are those of the last minute. What nobody can tell is null, and `problems` says why.',
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
