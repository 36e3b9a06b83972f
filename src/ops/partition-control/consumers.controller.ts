import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { PartitionPause } from '../../log/consuming/partition-pause.js';
import { By } from '../../http/by.decorator.js';
import type { Actor } from '../../shared/actor.js';
import { byWhom, parseRequest } from '../../http/request.js';
import { PartitionCommands, type ConsumedPartition, type Resumed } from './partition-commands.service.js';
import { PartitionControl } from './partition-control.service.js';

const selection = {
  group: z.string().min(1).max(64),
  topic: z.string().min(1).max(128).optional(),
  partition: z.number().int().nonnegative().optional(),
};
const pauseBody = z.strictObject({ ...selection, ...byWhom, until: z.number().int().positive().nullable().default(null) });
const resumeBody = z.strictObject({
  ...selection,
  ...byWhom,
  accept_gap: z.boolean().default(false),
  from: z.enum(['earliest', 'latest']).optional(),
});

@ApiTags('operations')
@Controller('api/v1/consumers')
export class ConsumersController {
  constructor(
    private readonly commands: PartitionCommands,
    private readonly control: PartitionControl,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List partitions by consumer group with cursor, owner and pauses' })
  async list(): Promise<{ partitions: ConsumedPartition[] }> {
    return { partitions: await this.commands.list(Date.now()) };
  }

  @Post('pause')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Pause partitions of a consumer group',
    description: 'Takes effect within two seconds on whichever replica owns them. `until` (epoch ms) ends the pause automatically.',
  })
  async pause(@Body({ schema: pauseBody }) body: unknown, @By() actor: Actor): Promise<{ paused: PartitionPause[] }> {
    const order = parseRequest(pauseBody, body);
    const paused = await this.commands.pause(order, { ...order, actor }, Date.now());
    await this.control.refresh();
    return { paused };
  }

  @Post('resume')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Resume paused or halted partitions',
    description: '`accept_gap` skips missing records; `from` is the start position in a recreated topic.',
  })
  async resume(@Body({ schema: resumeBody }) body: unknown, @By() actor: Actor): Promise<{ resumed: Resumed[] }> {
    const order = parseRequest(resumeBody, body);
    const resumed = await this.commands.resume(order, { ...order, actor, acceptGap: order.accept_gap, from: order.from }, Date.now());
    await this.control.refresh();
    return { resumed };
  }
}
