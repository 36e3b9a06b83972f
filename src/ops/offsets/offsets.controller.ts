import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { By } from '../../http/by.decorator.js';
import { Endpoint } from '../../http/endpoint.decorator.js';
import { byWhom } from '../../http/request.js';
import type { Actor } from '../../shared/actor.js';
import { TocsinError } from '../../shared/errors.js';
import { bodySchema, querySchema } from '../../shared/parse.js';
import { Offsets, type PartitionPosition, type PlannedReset } from './offsets.service.js';
import { parseTarget, type Target } from './position.js';

const showQuery = querySchema(z.strictObject({ group: z.string().optional(), topic: z.string().optional() }), 'T9002');
const selection = {
  group: z.string().min(1).max(64),
  topic: z.string().min(1).max(128),
  partition: z.number().int().nonnegative().optional(),
};
const resetBody = bodySchema(z.strictObject({ ...selection, to: z.string().max(64), dry_run: z.boolean().default(false), ...byWhom }), {
  code: 'T9002',
  whole: '(body)',
  example: { group: 'alert', topic: 'alerts', to: 'earliest', dry_run: true, by: 'ann', why: 'rebuild after a fault' },
});
const replayBody = bodySchema(
  z.strictObject({ ...selection, from: z.string().max(64), to: z.string().max(64).optional(), dry_run: z.boolean().default(false), ...byWhom }),
  {
    code: 'T9002',
    whole: '(body)',
    example: { group: 'alert', topic: 'alerts', from: 'shift:-1000', dry_run: true, by: 'ann', why: 'rebuild after a fault' },
  },
);

const position = z.object({
  group: z.string(),
  topic: z.string(),
  partition: z.number(),
  cursor: z.number().nullable(),
  state: z.number().nullable(),
  committed: z.number().nullable(),
  low: z.number(),
  high: z.number(),
  lag: z.number(),
  owner: z.string(),
});
const planned = z.object({
  partition: z.number(),
  from: z.number().nullable(),
  offset: z.number(),
  clamped: z.enum(['beginning', 'end']).optional(),
  memory: z.string().nullable(),
});
const plannedResponse = z.object({ dry_run: z.boolean(), partitions: z.array(planned) });

@ApiTags('operations')
@Controller('api/v1/offsets')
export class OffsetsController {
  constructor(private readonly offsets: Offsets) {}

  @Get()
  @Endpoint({
    summary: 'Get cursor, checkpoint offset, committed offset and log bounds by group and partition',
    permission: 'consumer:read',
    response: z.object({ partitions: z.array(position) }),
  })
  async show(@Query({ schema: showQuery }) query: z.output<typeof showQuery>): Promise<{ partitions: PartitionPosition[] }> {
    return { partitions: await this.offsets.positions(query) };
  }

  @Post('reset')
  @Endpoint({
    summary: 'Reset the offsets of a stopped consumer group',
    description: '`to`: earliest, latest, offset:N, timestamp:T, shift:+N, shift:-N, tail:N. `dry_run` changes nothing.',
    permission: 'consumer:write',
    response: plannedResponse,
  })
  async reset(
    @Body({ schema: resetBody }) { dry_run, to, ...rest }: z.output<typeof resetBody>,
    @By() actor: Actor,
  ): Promise<{ dry_run: boolean; partitions: PlannedReset[] }> {
    return { dry_run, partitions: await this.offsets.reset({ ...rest, actor, to: parseTarget(to) }, dry_run, Date.now()) };
  }

  @Post('replay')
  @Endpoint({
    summary: 'Rewind a stopped consumer group, so that it processes a range again',
    description:
      'Rejected if `from` is before the log start, or if `to` is not the previous position of the group: a live group cannot stop earlier.',
    permission: 'consumer:write',
    response: plannedResponse,
  })
  async replay(
    @Body({ schema: replayBody }) { dry_run, from, to, ...rest }: z.output<typeof replayBody>,
    @By() actor: Actor,
  ): Promise<{ dry_run: boolean; partitions: PlannedReset[] }> {
    const order = { ...rest, actor, to: parseTarget(from) };
    refuseInvalidReplay(await this.offsets.reset(order, true, Date.now()), to === undefined ? undefined : parseTarget(to));
    return { dry_run, partitions: await this.offsets.reset(order, dry_run, Date.now()) };
  }
}

/** Throws T6206 when a live replay begins outside the log bounds or after the group's position, or does not end at that position. */
function refuseInvalidReplay(plan: readonly PlannedReset[], to: Target | undefined): void {
  const problems = plan.flatMap(({ partition, from, offset, clamped }) => {
    if (clamped) return [`partition ${partition} ${clamped === 'beginning' ? 'begins' : 'ends'} at offset ${offset}`];
    if (from !== null && offset > from) return [`partition ${partition}: ${offset} is ahead of the position ${from} of the group`];
    if (to && to.kind !== 'latest' && !(to.kind === 'offset' && from !== null && to.offset === from - 1)) {
      return [
        `partition ${partition}: a live replay ends at the previous position, ${from === null ? 'the log end' : from - 1}; omit --to, or use a sandbox`,
      ];
    }
    return [];
  });
  if (problems.length > 0) throw new TocsinError('T6206', problems.join('; '), problems);
}
