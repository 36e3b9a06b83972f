import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.client.js';
import { identity } from '../../shared/identity.js';
import type { DegradeSwitch } from './degrade.js';

/** The switches that are set; one for each source. Writes are part of the transaction that is open. */
@Injectable()
export class DegradeRepository {
  constructor(private readonly database: Database) {}

  async all(): Promise<DegradeSwitch[]> {
    return (await this.database.query('SELECT * FROM degrade_switch ORDER BY source')).map(switchOf);
  }

  async put({ source, drop_priority, keep, reason, set_by, set_at, expires_at }: DegradeSwitch): Promise<void> {
    const columns = ['id', 'source', 'drop_priority', 'keep_share', 'reason', 'set_by', 'set_at', 'expires_at'];
    const row = [identity(source), source, drop_priority, keep, reason, set_by, set_at, expires_at];
    await this.database.insert('degrade_switch', columns, [row], { key: ['id'], update: columns.slice(2) });
  }

  /** False when none is set. */
  async remove(source: string): Promise<boolean> {
    return (await this.database.execute('DELETE FROM degrade_switch WHERE id = ?', [identity(source)])) > 0;
  }

  /** Removes one that has expired by now; false when it was removed or set anew meanwhile. */
  async expire(source: string, now: number): Promise<boolean> {
    return (await this.database.execute('DELETE FROM degrade_switch WHERE id = ? AND expires_at <= ?', [identity(source), now])) > 0;
  }
}

function switchOf(row: Record<string, unknown>): DegradeSwitch {
  return {
    source: row['source'] as string,
    drop_priority: row['drop_priority'] === null ? null : Number(row['drop_priority']),
    keep: row['keep_share'] === null ? null : Number(row['keep_share']),
    reason: row['reason'] as string,
    set_by: row['set_by'] as string,
    set_at: Number(row['set_at']),
    expires_at: Number(row['expires_at']),
  };
}
