import { Body, Controller, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { By } from '../../http/by.decorator.js';
import { Endpoint } from '../../http/endpoint.decorator.js';
import type { Actor } from '../../shared/actor.js';
import { bodySchema } from '../../shared/parse.js';
import { PartitionExpansionService } from './partition-expansion.service.js';
import { configuredTopicResponse, createdTopicResponse, expansionResponse, topicResponse, topicsResponse } from './topic-responses.js';
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
const newTopic = bodySchema(shape.extend({ name: z.string() }), {
  code: 'T6402',
  example: { name: 'orders', partitions: 12, replication: 3, retention_hours: 72 },
});
const change = bodySchema(shape.omit({ partitions: true, replication: true }), { code: 'T6402', example: { retention_hours: 72 } });
const expansion = bodySchema(
  z.strictObject({ partitions: whole, dry_run: z.boolean().default(false), accept_disorder: z.boolean().default(false) }),
  { code: 'T6402', example: { partitions: 24, dry_run: true } },
);
const listQuery = z.object({ all: z.string().optional().describe('true: every topic of the clusters') });

@ApiTags('operations')
@Controller('api/v1/topics')
export class TopicsController {
  constructor(
    private readonly topics: TopicsService,
    private readonly expansion: PartitionExpansionService,
  ) {}

  @Get()
  @Endpoint({
    summary: 'List the topics of the stages with their dead-letter topics; all=true: all topics of the clusters',
    permission: 'topic:read',
    response: topicsResponse,
  })
  async list(@Query({ schema: listQuery }) { all }: z.output<typeof listQuery>) {
    return { topics: await this.topics.list(all === 'true') };
  }

  @Get(':topic')
  @Endpoint({
    summary: 'Get a topic: leaders, replicas, offsets, configuration and consumer groups with members',
    permission: 'topic:read',
    response: topicResponse,
  })
  get(@Param('topic') topic: string) {
    return this.topics.get(topic);
  }

  @Post()
  @Endpoint({
    summary: 'Create a topic; omitted properties default to the settings and the broker configuration',
    permission: 'topic:write',
    status: 201,
    response: createdTopicResponse,
  })
  create(@Body({ schema: newTopic }) { name, ...rest }: z.output<typeof newTopic>, @By() actor: Actor) {
    return this.topics.create(name, rest, actor, Date.now());
  }

  @Patch(':topic')
  @Endpoint({
    summary: 'Change retention, min.insync.replicas or max.message.bytes of a topic',
    permission: 'topic:write',
    response: configuredTopicResponse,
  })
  configure(@Param('topic') topic: string, @Body({ schema: change }) body: z.output<typeof change>, @By() actor: Actor) {
    return this.topics.configure(topic, body, actor, Date.now());
  }

  @Post(':topic/partitions')
  @Endpoint({
    summary: 'Add partitions; rejected while that would break record order (dry_run returns the consequences)',
    permission: 'topic:write',
    response: expansionResponse,
  })
  grow(@Param('topic') topic: string, @Body({ schema: expansion }) body: z.output<typeof expansion>, @By() actor: Actor) {
    return this.expansion.expand(topic, body, actor, Date.now());
  }
}
