import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Endpoint } from '../../http/endpoint.decorator.js';
import { idCursor, limit, pageOf } from '../../shared/page.js';
import { one, querySchema, whole } from '../../shared/parse.js';
import { auditEntryView, type AuditEntryView, auditResponse } from './audit-entry.js';
import { AuditReader } from './audit.reader.js';

const time = whole(0, Number.MAX_SAFE_INTEGER).optional();

const auditQuery = querySchema(
  z.strictObject({
    actor: one.optional().describe('Name of the actor'),
    action: one.optional().describe('Noun and verb, such as strategy.updated'),
    object_kind: one.optional().describe('Kind of the object, such as strategy'),
    object_id: one.optional(),
    from: time.describe('Epoch milliseconds, inclusive'),
    to: time.describe('Epoch milliseconds, exclusive'),
    limit,
    cursor: idCursor,
  }),
  'T9002',
);

@ApiTags('operations')
@Controller('api/v1/audit')
export class AuditController {
  constructor(private readonly audit: AuditReader) {}

  @Get()
  @Endpoint({ summary: 'List the audit log, newest first', permission: 'audit:read', response: auditResponse })
  async list(
    @Query({ schema: auditQuery }) { limit, cursor, ...filter }: z.output<typeof auditQuery>,
  ): Promise<{ entries: AuditEntryView[]; next_cursor: string | null }> {
    const rows = await this.audit.page({ ...filter, before: cursor?.[0] }, limit + 1);
    const { items, next_cursor } = pageOf(rows, limit, ({ id }) => [id]);
    return { entries: items.map(auditEntryView), next_cursor };
  }
}
