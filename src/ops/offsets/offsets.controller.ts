import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { TocsinError } from '../../shared/errors.js';
import { By } from '../../http/by.decorator.js';
import type { Actor } from '../../shared/actor.js';
import { byWhom, parseRequest } from '../../http/request.js';
import { Offsets, type PartitionPosition, type PlannedReset } from './offsets.service.js';
import { parseTarget, type Target } from './position.js';

const showQuery = z.strictObject({ group: z.string().optional(), topic: z.string().optional() });
const replayBody = z.strictObject({
  group: z.string().min(1).max(64),
  topic: z.string().min(1).max(128),
  partition: z.number().int().nonnegative().optional(),
  from: z.string().max(64),
  to: z.string().max(64).optional(),
  dry_run: z.boolean().default(false),
  ...byWhom,
});
const resetBody = z.strictObject({
  group: z.string().min(1).max(64),
  topic: z.string().min(1).max(128),
  partition: z.number().int().nonnegative().optional(),
  to: z.string().max(64),
  dry_run: z.boolean().default(false),
  ...byWhom,
});

@ApiTags('operations')
@Controller('api/v1/offsets')
export class OffsetsController {
  constructor(private readonly offsets: Offsets) {}

  @Get()
  @ApiOperation({ summary: 'Get cursor, checkpoint offset, committed offset and log bounds by group and partition' })
  @ApiQuery({ name: 'group', required: false })
  @ApiQuery({ name: 'topic', required: false })
  async show(@Query() query: unknown): Promise<{ partitions: PartitionPosition[] }> {
    return { partitions: await this.offsets.positions(parseRequest(showQuery, query)) };
  }

  @Post('reset')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Reset the offsets of a stopped consumer group',
    description: '`to`: earliest, latest, offset:N, timestamp:T, shift:+N, shift:-N, tail:N. `dry_run` changes nothing.',
  })
  async reset(@Body({ schema: resetBody }) body: unknown, @By() actor: Actor): Promise<{ dry_run: boolean; partitions: PlannedReset[] }> {
    const { dry_run, to, ...rest } = parseRequest(resetBody, body);
    return { dry_run, partitions: await this.offsets.reset({ ...rest, actor, to: parseTarget(to) }, dry_run, Date.now()) };
  }

  @Post('replay')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Rewind a stopped consumer group, so that it processes a range again',
    description:
      'Rejected if `from` is before the log start, or if `to` is not the previous position of the group: a live group cannot stop earlier.',
  })
  async replay(@Body({ schema: replayBody }) body: unknown, @By() actor: Actor): Promise<{ dry_run: boolean; partitions: PlannedReset[] }> {
    const { dry_run, from, to, ...rest } = parseRequest(replayBody, body);
    const request = { ...rest, actor, to: parseTarget(from) };
    refuseInvalidReplay(await this.offsets.reset(request, true, Date.now()), to === undefined ? undefined : parseTarget(to));
    return { dry_run, partitions: await this.offsets.reset(request, dry_run, Date.now()) };
  }
}

/** A live replay begins where the log still has everything, and ends where the group was. Throws T6206. */
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
