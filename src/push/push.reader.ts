import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import type { PushType } from './payload.js';
import type { Push, PushState } from './push.js';

/** Filter of the push list. */
export interface PushFilter {
  readonly state?: PushState | undefined;
  readonly alert_id?: string | undefined;
  /** Only ids below. */
  readonly before?: number | undefined;
}

@Injectable()
export class PushReader {
  constructor(private readonly database: Database) {}

  async find(id: number): Promise<Push | undefined> {
    const [row] = await this.database.query('SELECT * FROM push WHERE id = ?', [id]);
    return row && pushOf(row);
  }

  /** Newest first. */
  async page({ state, alert_id, before }: PushFilter, limit: number): Promise<Push[]> {
    const conditions: [sql: string, value: unknown][] = [
      ['state = ?', state],
      ['alert_id = ?', alert_id],
      ['id < ?', before],
    ];
    const given = conditions.filter(([, value]) => value !== undefined);
    const where = given.length > 0 ? ` WHERE ${given.map(([sql]) => sql).join(' AND ')}` : '';
    const rows = await this.database.query(`SELECT * FROM push${where} ORDER BY id DESC LIMIT ?`, [...given.map(([, value]) => value), limit]);
    return rows.map(pushOf);
  }
}

export function pushOf(row: Record<string, unknown>): Push {
  return {
    id: Number(row['id']),
    queue_key: row['queue_key'] as string,
    queue: row['queue_name'] as string,
    bk_biz_id: row['bk_biz_id'] as string,
    alert_id: row['alert_id'] as string,
    alert_key: row['alert_key'] as string,
    event_id: row['event_id'] as string,
    type: row['push_type'] as PushType,
    state: row['state'] as PushState,
    reason: row['reason'] as string | null,
    attempts: Number(row['attempts']),
    created_at: Number(row['created_at']),
    finished_at: row['finished_at'] === null ? null : Number(row['finished_at']),
    last_error: row['last_error'] as string | null,
  };
}
