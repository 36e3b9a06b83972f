import { Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { By } from '../http/by.decorator.js';
import { Endpoint } from '../http/endpoint.decorator.js';
import type { Actor } from '../shared/actor.js';
import { TocsinError } from '../shared/errors.js';
import { idCursor, limit, pageOf } from '../shared/page.js';
import { numericId, one, querySchema } from '../shared/parse.js';
import type { ConvergedAlert } from '../topics.js';
import { type Notice, noticeStates } from './notice.js';
import { NoticeReader } from './notice.reader.js';
import { noticeResponse, noticesResponse } from './notice-responses.js';
import { NoticeService } from './notice.service.js';

const states = z
  .string()
  .transform((text) => text.split(','))
  .pipe(z.array(z.enum(noticeStates)));
const noticeQuery = querySchema(
  z.strictObject({
    state: states.optional().meta({ type: 'string', description: `${noticeStates.join(', ')}; several with commas` }),
    receiver: one.optional(),
    converge_id: one.optional(),
    limit,
    cursor: idCursor,
  }),
  'T3003',
);
const noticeId = numericId('T4005');

@ApiTags('notices')
@Controller('api/v1/notices')
export class NoticeController {
  constructor(
    private readonly notices: NoticeService,
    private readonly reader: NoticeReader,
  ) {}

  @Get()
  @Endpoint({
    summary: 'List notices, newest first; failed ones have state=dead',
    permission: 'notice:read',
    response: noticesResponse,
  })
  async list(
    @Query({ schema: noticeQuery }) { limit, cursor, ...filter }: z.output<typeof noticeQuery>,
  ): Promise<{ notices: readonly Notice[]; next_cursor: string | null }> {
    const rows = await this.reader.page({ ...filter, ...(cursor && { before: cursor[0] }) }, limit + 1);
    const { items, next_cursor } = pageOf(rows, limit, ({ id }) => [id]);
    return { notices: items, next_cursor };
  }

  @Get(':id')
  @Endpoint({ summary: 'Get a notice with its message', permission: 'notice:read', response: noticeResponse })
  async get(@Param('id', { schema: noticeId }) id: number): Promise<Notice & { group: ConvergedAlert | null }> {
    const notice = await this.reader.find(id);
    if (!notice) throw new TocsinError('T4005', String(id));
    return notice;
  }

  @Post(':id/replay')
  @Endpoint({
    summary: 'Retry a dead notice with the same Idempotency-Key',
    permission: 'notice:write',
    status: 202,
    response: z.object({ id: z.number() }),
  })
  async replay(@Param('id', { schema: noticeId }) id: number, @By() actor: Actor): Promise<{ id: number }> {
    await this.notices.replay(id, actor, Date.now());
    return { id };
  }
}
