import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { By } from '../http/by.decorator.js';
import { Endpoint } from '../http/endpoint.decorator.js';
import type { Actor } from '../shared/actor.js';
import { TocsinError } from '../shared/errors.js';
import { cursorText, idCursor, limit } from '../shared/page.js';
import { querySchema } from '../shared/parse.js';
import type { Alert } from './alert.js';
import type { StoredEntry } from '../database/timeline-table.js';
import { AlertReader } from './alert.reader.js';
import { alertResponse, alertsResponse, alertWithTimelineResponse, timelineResponse } from './alert-responses.js';
import { AlertService } from './alert.service.js';
import { acknowledgeBody, type AcknowledgeCommand, closeBody, type CloseCommand, commentBody, type CommentCommand } from './commands.js';
import { alertQuery, type AlertQuery, cursorOf } from './query.js';

/** Most timeline entries in the response for one alert; /timeline returns the rest. */
const LATEST = 200;

const timelineQuery = querySchema(z.strictObject({ limit, cursor: idCursor }), 'T3003');

@ApiTags('alerts')
@Controller('api/v1/alerts')
export class AlertController {
  constructor(
    private readonly alerts: AlertService,
    private readonly reader: AlertReader,
  ) {}

  @Get()
  @Endpoint({
    summary: 'List alerts, newest first',
    description: 'With label filters a page may be short or empty: continue while next_cursor is present.',
    permission: 'alert:read',
    response: alertsResponse,
  })
  async list(@Query({ schema: alertQuery }) query: AlertQuery): Promise<{ alerts: readonly Alert[]; next_cursor: string | null }> {
    const { alerts, next } = await this.reader.page(query);
    return { alerts, next_cursor: next ? cursorOf(next) : null };
  }

  @Get(':id')
  @Endpoint({
    summary: 'Get an alert with the latest entries of its timeline',
    permission: 'alert:read',
    response: alertWithTimelineResponse,
  })
  async get(@Param('id') id: string): Promise<Alert & { timeline: StoredEntry[] }> {
    return { ...(await this.#existing(id)), timeline: await this.reader.latest(id, LATEST) };
  }

  @Get(':id/timeline')
  @Endpoint({ summary: 'Get the timeline of an alert, oldest entry first', permission: 'alert:read', response: timelineResponse })
  async timeline(
    @Param('id') id: string,
    @Query({ schema: timelineQuery }) { limit, cursor }: z.output<typeof timelineQuery>,
  ): Promise<{ timeline: StoredEntry[]; next_cursor: string | null }> {
    await this.#existing(id);
    const timeline = await this.reader.timeline(id, limit, cursor?.[0]);
    return { timeline, next_cursor: timeline.length === limit ? cursorText([timeline.at(-1)!.id]) : null };
  }

  @Post(':id/acknowledge')
  @Endpoint({ summary: 'Acknowledge an alert', permission: 'alert:write', response: alertResponse })
  acknowledge(@Param('id') id: string, @Body({ schema: acknowledgeBody }) body: AcknowledgeCommand, @By() actor: Actor): Promise<Alert> {
    return this.alerts.acknowledge(id, body, actor, Date.now());
  }

  @Post(':id/unacknowledge')
  @Endpoint({ summary: 'Withdraw the acknowledgement of an alert', permission: 'alert:write', response: alertResponse })
  unacknowledge(@Param('id') id: string, @Body({ schema: acknowledgeBody }) body: AcknowledgeCommand, @By() actor: Actor): Promise<Alert> {
    return this.alerts.unacknowledge(id, body, actor, Date.now());
  }

  @Post(':id/close')
  @Endpoint({ summary: 'Close an alert', permission: 'alert:write', response: alertResponse })
  close(@Param('id') id: string, @Body({ schema: closeBody }) body: CloseCommand, @By() actor: Actor): Promise<Alert> {
    return this.alerts.close(id, body, actor, Date.now());
  }

  @Post(':id/comment')
  @Endpoint({ summary: 'Add a comment to the timeline', permission: 'alert:write', response: alertResponse })
  comment(@Param('id') id: string, @Body({ schema: commentBody }) body: CommentCommand, @By() actor: Actor): Promise<Alert> {
    return this.alerts.comment(id, body, actor, Date.now());
  }

  async #existing(id: string): Promise<Alert> {
    const alert = await this.reader.find(id);
    if (!alert) throw new TocsinError('T3001', id);
    return alert;
  }
}
