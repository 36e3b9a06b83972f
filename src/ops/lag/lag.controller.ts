import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Endpoint } from '../../http/endpoint.decorator.js';
import { Consumers } from '../../log/consuming/consumers.service.js';
import { LagWatch } from '../../runtime/lag-watch.service.js';
import { type LagAnswer, lagAnswer } from './lag-answer.js';

/** Unknown parameters are ignored. */
const lagQuery = z.object({
  group: z.string().optional().describe('Only this consumer group, without prefix'),
  topic: z.string().optional().describe('Only this topic, without prefix'),
});
const line = z.object({
  group: z.string(),
  topic: z.string(),
  partition: z.number(),
  cursor: z.number(),
  end: z.number().nullable(),
  owner: z.string(),
  current: z.number().nullable(),
  lag: z.number().nullable(),
  consumer_id: z.string().nullable(),
  host: z.string().nullable(),
  client_id: z.string().nullable(),
  rate: z.number().nullable(),
  arrival_rate: z.number().nullable(),
  catch_up_seconds: z.number().nullable(),
});
const group = z.object({ group: z.string(), lag: z.number(), rate: z.number().nullable(), catch_up_seconds: z.number().nullable() });
const congestion = z.object({
  group: z.string(),
  topic: z.string(),
  lag: z.number(),
  threshold: z.number(),
  since: z.number(),
  congested: z.boolean(),
});
const lagResponse = z.object({
  at: z.number(),
  partitions: z.array(line),
  groups: z.array(group),
  total: z.number(),
  congestion: z.array(congestion),
  problems: z.array(z.string()),
});

@ApiTags('operations')
@Controller('api/v1/lag')
export class LagController {
  constructor(
    private readonly consumers: Consumers,
    private readonly watch: LagWatch,
  ) {}

  @Get()
  @Endpoint({
    summary: 'Get the consumer lag of every group',
    description:
      '`current` is the offset committed to the log, `cursor` the authoritative position in the database, `lag` the log end offset minus `current`. ' +
      'Rates are averages of the last minute. Unavailable values are null; `problems` lists the reasons.',
    permission: 'consumer:read',
    response: lagResponse,
  })
  async lag(@Query({ schema: lagQuery }) { group, topic }: z.output<typeof lagQuery>): Promise<LagAnswer> {
    const fits = (wanted: string | undefined, name: string): boolean => wanted === undefined || wanted === '' || wanted === name;
    const wanted = (at: { group: string; topic: string }): boolean => fits(group, at.group) && fits(topic, at.topic);
    const found = await this.consumers.lag(wanted);
    return lagAnswer(found, (at) => this.watch.rate(at), this.watch.congestion.filter(wanted), Date.now());
  }
}
