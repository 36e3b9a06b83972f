import { Body, Controller, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { By } from '../../http/by.decorator.js';
import type { Actor } from '../../shared/actor.js';
import { parse } from '../../shared/parse.js';
import { PartitionExpansionService } from './partition-expansion.service.js';
import { TopicsService } from './topics.service.js';

const whole = z.number().int();
const shape = z.strictObject({
  partitions: whole.optional(),
  replication: whole.optional(),
  retention_hours: whole.optional(),
  retention_bytes: whole.optional(),
  min_insync_replicas: whole.optional(),
  max_message_bytes: whole.optional(),
});
const newTopic = shape.extend({ name: z.string() });
const change = shape.omit({ partitions: true, replication: true });
const growthRequest = z.strictObject({ partitions: whole, dry_run: z.boolean().default(false), accept_disorder: z.boolean().default(false) });

@ApiTags('operations')
@Controller('api/v1/topics')
export class TopicsController {
  constructor(
    private readonly topics: TopicsService,
    private readonly growth: PartitionExpansionService,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List the topics of the stages with their dead-letter topics; all=true: all topics of the clusters' })
  async list(@Query('all') all?: string) {
    return { topics: await this.topics.list(all === 'true') };
  }

  @Get(':topic')
  @ApiOperation({ summary: 'Get a topic: leaders, replicas, offsets, configuration and consumer groups with members' })
  get(@Param('topic') topic: string) {
    return this.topics.get(topic);
  }

  @Post()
  @ApiOperation({ summary: 'Create a topic; omitted properties default to the settings and the broker configuration' })
  create(@Body() body: unknown, @By() actor: Actor) {
    const { name, ...rest } = parse(newTopic, body ?? {}, 'T6402', 'body');
    return this.topics.create(name, rest, actor, Date.now());
  }

  @Patch(':topic')
  @ApiOperation({ summary: 'Change retention, min.insync.replicas or max.message.bytes of a topic' })
  configure(@Param('topic') topic: string, @Body() body: unknown, @By() actor: Actor) {
    return this.topics.configure(topic, parse(change, body ?? {}, 'T6402', 'body'), actor, Date.now());
  }

  @Post(':topic/partitions')
  @HttpCode(200)
  @ApiOperation({ summary: 'Add partitions; rejected while that would break record order (dry_run returns the consequences)' })
  grow(@Param('topic') topic: string, @Body() body: unknown, @By() actor: Actor) {
    return this.growth.expand(topic, parse(growthRequest, body ?? {}, 'T6402', 'body'), actor, Date.now());
  }
}
