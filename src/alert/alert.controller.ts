import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { By } from '../http/by.decorator.js';
import type { Actor } from '../shared/actor.js';
import { TocsinError } from '../shared/errors.js';
import type { Alert } from './alert.js';
import type { StoredEntry } from '../database/timeline-table.js';
import { AlertReader } from './alert.reader.js';
import { AlertService } from './alert.service.js';
import { acknowledgeBody, closeBody, commentBody } from './commands.js';
import { limit, parseQuery } from '../shared/page.js';
import { cursorOf, parseAlertQuery } from './query.js';

/** Entries that come with one alert; the rest is at /timeline. */
const LATEST = 200;

const timelineQuery = z.strictObject({
  limit,
  cursor: z.string().regex(/^\d+$/, 'is not a cursor of this timeline').transform(Number).default(0),
});

@ApiTags('alerts')
@Controller('api/v1/alerts')
export class AlertController {
  constructor(
    private readonly alerts: AlertService,
    private readonly reader: AlertReader,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'List alerts, newest first',
    description: 'With label filters a page may be short or empty: continue while next_cursor is present.',
  })
  @ApiQuery({ name: 'status', required: false, description: 'ABNORMAL, RECOVERED, CLOSED; comma-separated' })
  @ApiQuery({ name: 'severity', required: false, description: '1 or fatal, 2 or warning, 3 or remind; comma-separated' })
  @ApiQuery({ name: 'bk_biz_id', required: false })
  @ApiQuery({ name: 'strategy_id', required: false })
  @ApiQuery({ name: 'acknowledged', required: false, description: 'true or false' })
  @ApiQuery({ name: 'name', required: false, description: 'Exact alert name' })
  @ApiQuery({ name: 'filter', required: false, description: 'Label matcher such as host="web-1" or host!="web-1"; repeatable, all must match' })
  @ApiQuery({ name: 'from', required: false, description: 'begin_time at or after: epoch ms or ISO 8601' })
  @ApiQuery({ name: 'to', required: false, description: 'begin_time before: epoch ms or ISO 8601' })
  @ApiQuery({ name: 'limit', required: false, description: '1 to 1000, default 50' })
  @ApiQuery({ name: 'cursor', required: false, description: 'next_cursor of the previous page' })
  async list(@Query() query: unknown): Promise<{ alerts: readonly Alert[]; next_cursor: string | null }> {
    const { alerts, next } = await this.reader.page(parseAlertQuery(query));
    return { alerts, next_cursor: next ? cursorOf(next) : null };
  }

  @Get(':id')
  @ApiOperation({ summary: 'Get an alert with the latest entries of its timeline' })
  async get(@Param('id') id: string): Promise<Alert & { timeline: StoredEntry[] }> {
    return { ...(await this.#existing(id)), timeline: await this.reader.latest(id, LATEST) };
  }

  @Get(':id/timeline')
  @ApiOperation({ summary: 'Get the timeline of an alert, oldest entry first' })
  @ApiQuery({ name: 'limit', required: false })
  @ApiQuery({ name: 'cursor', required: false })
  async timeline(@Param('id') id: string, @Query() query: unknown): Promise<{ timeline: StoredEntry[]; next_cursor: string | null }> {
    const { limit, cursor } = parseQuery(timelineQuery, query);
    await this.#existing(id);
    const timeline = await this.reader.timeline(id, limit, cursor);
    return { timeline, next_cursor: timeline.length === limit ? String(timeline.at(-1)!.id) : null };
  }

  @Post(':id/acknowledge')
  @HttpCode(200)
  @ApiOperation({ summary: 'Acknowledge an alert' })
  acknowledge(@Param('id') id: string, @Body({ schema: acknowledgeBody }) body: unknown, @By() actor: Actor): Promise<Alert> {
    return this.alerts.acknowledge(id, body, actor, Date.now());
  }

  @Post(':id/unacknowledge')
  @HttpCode(200)
  @ApiOperation({ summary: 'Withdraw the acknowledgement of an alert' })
  unacknowledge(@Param('id') id: string, @Body({ schema: acknowledgeBody }) body: unknown, @By() actor: Actor): Promise<Alert> {
    return this.alerts.unacknowledge(id, body, actor, Date.now());
  }

  @Post(':id/close')
  @HttpCode(200)
  @ApiOperation({ summary: 'Close an alert' })
  close(@Param('id') id: string, @Body({ schema: closeBody }) body: unknown, @By() actor: Actor): Promise<Alert> {
    return this.alerts.close(id, body, actor, Date.now());
  }

  @Post(':id/comment')
  @HttpCode(200)
  @ApiOperation({ summary: 'Add a comment to the timeline' })
  comment(@Param('id') id: string, @Body({ schema: commentBody }) body: unknown, @By() actor: Actor): Promise<Alert> {
    return this.alerts.comment(id, body, actor, Date.now());
  }

  async #existing(id: string): Promise<Alert> {
    const alert = await this.reader.find(id);
    if (!alert) throw new TocsinError('T3001', id);
    return alert;
  }
}
