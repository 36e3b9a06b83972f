import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.client.js';
import type { DegradeSwitch } from './degrade.js';
import { degradeTable, switchId } from './degrade-table.js';

/** The active switches, one for each source. Writes are part of the caller's transaction. */
@Injectable()
export class DegradeRepository {
  constructor(private readonly database: Database) {}

  async all(): Promise<DegradeSwitch[]> {
    return (await this.database.query(`SELECT ${degradeTable.selection} FROM degrade_switch ORDER BY source`)).map(degradeTable.parse);
  }

  async put(one: DegradeSwitch): Promise<void> {
    await this.database.insertAll(degradeTable, [one], degradeTable.upsert);
  }

  /** Returns false when none is set. */
  async remove(source: string): Promise<boolean> {
    return (await this.database.execute('DELETE FROM degrade_switch WHERE id = ?', [switchId(source)])) > 0;
  }

  /** Removes a switch that has expired by `now`; returns false when it was removed or set again meanwhile. */
  async expire(source: string, now: number): Promise<boolean> {
    return (await this.database.execute('DELETE FROM degrade_switch WHERE id = ? AND expires_at <= ?', [switchId(source), now])) > 0;
  }
}
