import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { By } from '../http/by.decorator.js';
import type { Actor } from '../shared/actor.js';
import { TocsinError } from '../shared/errors.js';
import type { ConvergedAlert } from '../topics.js';
import { type Notice, noticeStates } from './notice.js';
import { NoticeReader } from './notice.reader.js';
import { NoticeService } from './notice.service.js';
import { limit, parseQuery } from '../shared/page.js';

const noticeQuery = z.strictObject({
  state: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(noticeStates)))
    .optional(),
  receiver: z.string().optional(),
  converge_id: z.string().optional(),
  limit,
  cursor: z.string().regex(/^\d+$/, 'is not a cursor of the list of notices').transform(Number).optional(),
});

@ApiTags('notices')
@Controller('api/v1/notices')
export class NoticeController {
  constructor(
    private readonly notices: NoticeService,
    private readonly reader: NoticeReader,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List notices, newest first; failed ones have state=dead' })
  @ApiQuery({ name: 'state', required: false, description: `${noticeStates.join(', ')}; comma-separated` })
  @ApiQuery({ name: 'receiver', required: false })
  @ApiQuery({ name: 'converge_id', required: false })
  @ApiQuery({ name: 'limit', required: false, description: '1 to 1000, default 50' })
  @ApiQuery({ name: 'cursor', required: false, description: 'next_cursor of the previous page' })
  async list(@Query() query: unknown): Promise<{ notices: Notice[]; next_cursor: string | null }> {
    const { limit, cursor, ...filter } = parseQuery(noticeQuery, query);
    const notices = await this.reader.page({ ...filter, ...(cursor !== undefined && { before: cursor }) }, limit);
    return { notices, next_cursor: notices.length === limit ? String(notices.at(-1)!.id) : null };
  }

  @Get(':id')
  @ApiOperation({ summary: 'Get a notice with its message' })
  async get(@Param('id') id: string): Promise<Notice & { group: ConvergedAlert | null }> {
    const notice = await this.reader.find(number(id));
    if (!notice) throw new TocsinError('T4005', id);
    return notice;
  }

  @Post(':id/replay')
  @HttpCode(202)
  @ApiOperation({ summary: 'Retry a dead notice with the same Idempotency-Key' })
  async replay(@Param('id') id: string, @By() actor: Actor): Promise<{ id: number }> {
    await this.notices.replay(number(id), actor, Date.now());
    return { id: number(id) };
  }
}

/** What is not a number is the id of nothing. Throws T4005. */
function number(id: string): number {
  if (!/^\d{1,15}$/.test(id)) throw new TocsinError('T4005', id);
  return Number(id);
}
