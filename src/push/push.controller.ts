import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { By } from '../http/by.decorator.js';
import type { Actor } from '../shared/actor.js';
import { TocsinError } from '../shared/errors.js';
import { limit, parseQuery } from '../shared/page.js';
import { type Push, pushStates } from './push.js';
import { PushReader } from './push.reader.js';
import { PushService } from './push.service.js';

const pushQuery = z.strictObject({
  state: z.enum(pushStates).optional(),
  alert_id: z.string().optional(),
  limit,
  cursor: z.string().regex(/^\d+$/, 'is not a cursor of the list of pushes').transform(Number).optional(),
});

@ApiTags('pushes')
@Controller('api/v1')
export class PushController {
  constructor(
    private readonly pushes: PushService,
    private readonly reader: PushReader,
  ) {}

  @Get('pushes')
  @ApiOperation({ summary: 'List pushes to self-healing queues, newest first' })
  @ApiQuery({ name: 'state', required: false, description: pushStates.join(', ') })
  @ApiQuery({ name: 'alert_id', required: false })
  @ApiQuery({ name: 'limit', required: false, description: '1 to 1000, default 50' })
  @ApiQuery({ name: 'cursor', required: false, description: 'next_cursor of the previous page' })
  async list(@Query() query: unknown): Promise<{ pushes: Push[]; next_cursor: string | null }> {
    const { limit, cursor, ...filter } = parseQuery(pushQuery, query);
    const pushes = await this.reader.page({ ...filter, before: cursor }, limit);
    return { pushes, next_cursor: pushes.length === limit ? String(pushes.at(-1)!.id) : null };
  }

  @Post('pushes/:id/replay')
  @HttpCode(202)
  @ApiOperation({ summary: 'Retry a dead push with the same idempotency key' })
  async replay(@Param('id') id: string, @By() actor: Actor): Promise<{ id: number }> {
    await this.pushes.replay(number(id), actor, Date.now());
    return { id: number(id) };
  }

  @Post('alerts/:id/push')
  @HttpCode(202)
  @ApiOperation({ summary: 'Push the current state of an alert to the queues of its business' })
  async push(@Param('id') id: string, @By() actor: Actor): Promise<{ queues: string[] }> {
    return { queues: await this.pushes.push(id, actor, Date.now()) };
  }
}

/** What is not a number is the id of nothing. Throws T4102. */
function number(id: string): number {
  if (!/^\d{1,15}$/.test(id)) throw new TocsinError('T4102', id);
  return Number(id);
}
