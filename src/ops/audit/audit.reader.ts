import { Injectable } from '@nestjs/common';
import { auditTable, type StoredAuditEntry } from '../../database/audit-table.js';
import { Database } from '../../database/database.client.js';

/** Selects rows of the audit table; each field narrows the selection. */
export interface AuditFilter {
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly object_kind?: string | undefined;
  readonly object_id?: string | undefined;
  /** Epoch milliseconds, inclusive. */
  readonly from?: number | undefined;
  /** Epoch milliseconds, exclusive. */
  readonly to?: number | undefined;
  /** Only rows with a lower id. */
  readonly before?: number | undefined;
}

/** SQL condition of each filter field. */
const conditions: { readonly [K in keyof Required<AuditFilter>]: string } = {
  actor: 'actor_name = ?',
  action: 'action = ?',
  object_kind: 'object_kind = ?',
  object_id: 'object_id = ?',
  from: 'at >= ?',
  to: 'at < ?',
  before: 'id < ?',
};

@Injectable()
export class AuditReader {
  constructor(private readonly database: Database) {}

  /** Newest first. */
  async page(filter: AuditFilter, limit: number): Promise<StoredAuditEntry[]> {
    const given = (Object.keys(conditions) as (keyof AuditFilter)[]).filter((field) => filter[field] !== undefined);
    const where = ['1 = 1', ...given.map((field) => conditions[field])].join(' AND ');
    const sql = `SELECT ${auditTable.selection} FROM ${auditTable.name} WHERE ${where} ORDER BY id DESC LIMIT ?`;
    return (await this.database.query(sql, [...given.map((field) => filter[field]), limit])).map(auditTable.parse);
  }
}
