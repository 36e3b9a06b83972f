import { Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { By } from '../http/by.decorator.js';
import { Endpoint } from '../http/endpoint.decorator.js';
import type { Actor } from '../shared/actor.js';
import { idCursor, limit, pageOf } from '../shared/page.js';
import { numericId, one, querySchema } from '../shared/parse.js';
import { type Push, pushStates } from './push.js';
import { PushReader } from './push.reader.js';
import { PushService } from './push.service.js';

const pushQuery = querySchema(z.strictObject({ state: z.enum(pushStates).optional(), alert_id: one.optional(), limit, cursor: idCursor }), 'T3003');
const pushId = numericId('T4102');

const pushResponse = z.object({
  id: z.number(),
  queue_key: z.string(),
  queue: z.string(),
  bk_biz_id: z.string(),
  alert_id: z.string(),
  alert_key: z.string(),
  event_id: z.string(),
  type: z.string(),
  state: z.enum(pushStates),
  reason: z.string().nullable(),
  attempts: z.number(),
  created_at: z.number(),
  finished_at: z.number().nullable(),
  last_error: z.string().nullable(),
});

@ApiTags('pushes')
@Controller('api/v1')
export class PushController {
  constructor(
    private readonly pushes: PushService,
    private readonly reader: PushReader,
  ) {}

  @Get('pushes')
  @Endpoint({
    summary: 'List pushes to self-healing queues, newest first',
    permission: 'push:read',
    response: z.object({ pushes: z.array(pushResponse), next_cursor: z.string().nullable() }),
  })
  async list(
    @Query({ schema: pushQuery }) { limit, cursor, ...filter }: z.output<typeof pushQuery>,
  ): Promise<{ pushes: readonly Push[]; next_cursor: string | null }> {
    const rows = await this.reader.page({ ...filter, before: cursor?.[0] }, limit + 1);
    const { items, next_cursor } = pageOf(rows, limit, ({ id }) => [id]);
    return { pushes: items, next_cursor };
  }

  @Post('pushes/:id/replay')
  @Endpoint({
    summary: 'Retry a dead push with the same idempotency key',
    permission: 'push:write',
    status: 202,
    response: z.object({ id: z.number() }),
  })
  async replay(@Param('id', { schema: pushId }) id: number, @By() actor: Actor): Promise<{ id: number }> {
    await this.pushes.replay(id, actor, Date.now());
    return { id };
  }

  @Post('alerts/:id/push')
  @Endpoint({
    summary: 'Push the current state of an alert to the queues of its business',
    permission: 'push:write',
    status: 202,
    response: z.object({ queues: z.array(z.string()) }),
  })
  async push(@Param('id') id: string, @By() actor: Actor): Promise<{ queues: string[] }> {
    return { queues: await this.pushes.push(id, actor, Date.now()) };
  }
}
