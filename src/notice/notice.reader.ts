import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import type { ConvergedAlert } from '../topics.js';
import type { Notice, NoticeState } from './notice.js';

/** Filter of the notice list. */
export interface NoticeFilter {
  readonly state?: readonly NoticeState[] | undefined;
  readonly receiver?: string | undefined;
  readonly converge_id?: string | undefined;
  /** Only ids below. */
  readonly before?: number;
}

const SUMMARY = `id, receiver, converge_id, sequence_no, idempotency_key, status, state, reason, attempts, next_attempt_at, created_at,
  first_attempt_at, finished_at, last_code, last_error`;

@Injectable()
export class NoticeReader {
  constructor(private readonly database: Database) {}

  /** Newest first. */
  async page({ state, receiver, converge_id, before }: NoticeFilter, limit: number): Promise<Notice[]> {
    const conditions = ['1 = 1'];
    const parameters: unknown[] = [];
    const add = (sql: string, values: readonly unknown[]): void => {
      conditions.push(sql);
      parameters.push(...values);
    };
    if (state?.length) add(`state IN (${state.map(() => '?').join(', ')})`, state);
    if (receiver !== undefined) add('receiver = ?', [receiver]);
    if (converge_id !== undefined) add('converge_id = ?', [converge_id]);
    if (before !== undefined) add('id < ?', [before]);
    const sql = `SELECT ${SUMMARY} FROM notice WHERE ${conditions.join(' AND ')} ORDER BY id DESC LIMIT ?`;
    return (await this.database.query(sql, [...parameters, limit])).map(noticeOf);
  }

  /** One notice with the converged message; null for one that was never meant to be sent. */
  async find(id: number): Promise<(Notice & { group: ConvergedAlert | null }) | undefined> {
    const [row] = await this.database.query('SELECT * FROM notice WHERE id = ?', [id]);
    return row && { ...noticeOf(row), group: row['body'] === null ? null : (JSON.parse(row['body'] as string) as ConvergedAlert) };
  }
}

export function noticeOf(row: Record<string, unknown>): Notice {
  const whole = (name: string): number | null => (row[name] === null ? null : Number(row[name]));
  return {
    id: Number(row['id']),
    receiver: row['receiver'] as string,
    converge_id: row['converge_id'] as string,
    sequence: Number(row['sequence_no']),
    idempotency_key: row['idempotency_key'] as string,
    status: row['status'] as Notice['status'],
    state: row['state'] as NoticeState,
    reason: row['reason'] as string | null,
    attempts: Number(row['attempts']),
    next_attempt_at: Number(row['next_attempt_at']),
    created_at: Number(row['created_at']),
    first_attempt_at: whole('first_attempt_at'),
    finished_at: whole('finished_at'),
    last_code: whole('last_code'),
    last_error: row['last_error'] as string | null,
  };
}
