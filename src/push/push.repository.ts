import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import { TimelineRepository } from '../database/timeline.repository.js';
import type { PushType } from './payload.js';
import { type DuePush, pushEntry, type PushSettlement } from './push.js';
import { pushOf } from './push.reader.js';
import type { Queue } from './queue.js';

const COLUMNS = ['queue_key', 'queue_name', 'bk_biz_id', 'alert_id', 'alert_key', 'event_id', 'push_type', 'body', 'state', 'attempts', 'created_at'];

/** A push to write. */
export interface NewPush {
  readonly queue: Queue;
  readonly alert: { readonly alert_id: string; readonly alert_key: string; readonly bk_biz_id: string };
  readonly event_id: string;
  readonly type: PushType;
  readonly body: Record<string, unknown>;
}

@Injectable()
export class PushRepository {
  constructor(
    private readonly database: Database,
    private readonly timelines: TimelineRepository,
  ) {}

  /** Adds pushes in the open transaction; an existing one is left unchanged. */
  async add(pushes: readonly NewPush[], now: number): Promise<void> {
    const rows = pushes.map(({ queue, alert, event_id, type, body }) => [
      queue.key,
      queue.name.slice(0, 255),
      alert.bk_biz_id,
      alert.alert_id,
      alert.alert_key,
      event_id,
      type,
      JSON.stringify(body),
      'pending',
      0,
      now,
    ]);
    if (rows.length > 0) await this.database.insert('push', COLUMNS, rows, { key: ['event_id', 'queue_key'], update: [] });
  }

  /** Keys of the queues with pending pushes. */
  async waitingQueues(): Promise<string[]> {
    const rows = await this.database.query("SELECT DISTINCT queue_key FROM push WHERE state = 'pending' ORDER BY queue_key");
    return rows.map((row) => row['queue_key'] as string);
  }

  /** The oldest pending pushes of a queue. */
  async due(queueKey: string, limit: number): Promise<DuePush[]> {
    const rows = await this.database.query("SELECT * FROM push WHERE state = 'pending' AND queue_key = ? ORDER BY id LIMIT ?", [queueKey, limit]);
    return rows.map((row) => ({ ...pushOf(row), body: row['body'] as string }));
  }

  /** Records the results of an attempt, with the timelines of the alerts. */
  async settle(settlements: readonly PushSettlement[], now: number): Promise<void> {
    await this.database.transaction(async () => {
      for (const same of byResult(settlements)) {
        const { state, reason, error } = same[0]!;
        await this.database.execute(
          `UPDATE push SET state = ?, reason = ?, last_error = ?, attempts = attempts + 1, finished_at = ?
           WHERE state = 'pending' AND id IN (${same.map(() => '?').join(', ')})`,
          [state, reason, error?.slice(0, 1000) ?? null, state === 'pending' ? null : now, ...same.map(({ push }) => push.id)],
        );
      }
      await this.timelines.append(settlements.flatMap((settlement) => pushEntry(settlement, now) ?? []));
    });
  }

  async exists(id: number): Promise<boolean> {
    return (await this.database.query('SELECT id FROM push WHERE id = ?', [id])).length > 0;
  }

  /** Makes a dead push pending again, with a new time limit. False when it is not dead. */
  async revive(id: number, now: number): Promise<boolean> {
    const sql = "UPDATE push SET state = 'pending', reason = NULL, attempts = 0, created_at = ?, finished_at = NULL WHERE id = ? AND state = 'dead'";
    return (await this.database.execute(sql, [now, id])) > 0;
  }
}

function byResult(settlements: readonly PushSettlement[]): PushSettlement[][] {
  const groups = new Map<string, PushSettlement[]>();
  for (const settlement of settlements) {
    const result = `${settlement.state} ${settlement.reason} ${settlement.error}`;
    const same = groups.get(result);
    if (same) same.push(settlement);
    else groups.set(result, [settlement]);
  }
  return [...groups.values()];
}
