import { Body, Controller, Get, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { PartitionPause } from '../../log/consuming/partition-pause.js';
import { By } from '../../http/by.decorator.js';
import { Endpoint } from '../../http/endpoint.decorator.js';
import { bodySchema } from '../../shared/parse.js';
import type { Actor } from '../../shared/actor.js';
import { byWhom } from '../../http/request.js';
import { PartitionCommands, type ConsumedPartition, type Resumed } from './partition-commands.service.js';
import { PartitionControl } from './partition-control.service.js';

const selection = {
  group: z.string().min(1).max(64),
  topic: z.string().min(1).max(128).optional(),
  partition: z.number().int().nonnegative().optional(),
};
const pauseBody = bodySchema(z.strictObject({ ...selection, ...byWhom, until: z.number().int().positive().nullable().default(null) }), {
  code: 'T9002',
  whole: '(body)',
  example: { group: 'alert', topic: 'alerts', partition: 0, by: 'ann', why: 'the database is moved' },
});
const resumeBody = bodySchema(
  z.strictObject({
    ...selection,
    ...byWhom,
    accept_gap: z.boolean().default(false),
    from: z.enum(['earliest', 'latest']).optional(),
  }),
  { code: 'T9002', whole: '(body)', example: { group: 'alert', topic: 'alerts', partition: 0, by: 'ann' } },
);

const at = { topic: z.string(), partition: z.number() };
const own = {
  kind: z.enum(['paused', 'stopped']),
  code: z.string().nullable(),
  why: z.string(),
  by: z.string(),
  at: z.number(),
  until: z.number().nullable(),
};
const pause = z.object({ group: z.string(), ...at, ...own });
const partition = z.object({ group: z.string(), ...at, cursor: z.number().nullable(), owner: z.string(), holds: z.array(z.object(own)) });
const resumed = z.object({ group: z.string(), ...at, movedTo: z.number().nullable(), note: z.string() });

@ApiTags('operations')
@Controller('api/v1/consumers')
export class ConsumersController {
  constructor(
    private readonly commands: PartitionCommands,
    private readonly control: PartitionControl,
  ) {}

  @Get()
  @Endpoint({
    summary: 'List partitions by consumer group with cursor, owner and pauses',
    permission: 'consumer:read',
    response: z.object({ partitions: z.array(partition) }),
  })
  async list(): Promise<{ partitions: ConsumedPartition[] }> {
    return { partitions: await this.commands.list(Date.now()) };
  }

  @Post('pause')
  @Endpoint({
    summary: 'Pause partitions of a consumer group',
    description: 'Takes effect within two seconds on whichever replica owns them. `until` (epoch ms) ends the pause automatically.',
    permission: 'consumer:write',
    response: z.object({ paused: z.array(pause) }),
  })
  async pause(@Body({ schema: pauseBody }) order: z.output<typeof pauseBody>, @By() actor: Actor): Promise<{ paused: PartitionPause[] }> {
    const paused = await this.commands.pause(order, { ...order, actor }, Date.now());
    await this.control.refresh();
    return { paused };
  }

  @Post('resume')
  @Endpoint({
    summary: 'Resume paused or halted partitions',
    description: '`accept_gap` skips missing records; `from` is the start position in a recreated topic.',
    permission: 'consumer:write',
    response: z.object({ resumed: z.array(resumed) }),
  })
  async resume(@Body({ schema: resumeBody }) order: z.output<typeof resumeBody>, @By() actor: Actor): Promise<{ resumed: Resumed[] }> {
    const resumed = await this.commands.resume(order, { ...order, actor, acceptGap: order.accept_gap, from: order.from }, Date.now());
    await this.control.refresh();
    return { resumed };
  }
}
