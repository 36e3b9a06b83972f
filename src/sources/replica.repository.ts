import { Inject, Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { Database } from '../database/database.client.js';
import { replicaTable } from './replica-table.js';
import type { SourceState } from './source-state.js';

/** Live replicas and the state of their sources. Liveness is judged by the clock of the database, which all replicas share. */
@Injectable()
export class ReplicaRepository {
  constructor(
    private readonly database: Database,
    @Inject(Config) private readonly config: Pick<Config, 'INSTANCE_ID' | 'LEASE_MS'>,
  ) {}

  /** Heartbeat: renews the lease of this replica for LEASE_MS. */
  async beat(states: readonly SourceState[]): Promise<void> {
    const { now } = this.database.dialect;
    const { INSTANCE_ID, LEASE_MS } = this.config;
    await this.database.transaction(async () => {
      await this.database.insertAll(replicaTable, [{ instance: INSTANCE_ID, expires_at: 0, states: [] }], { key: ['instance'], update: [] });
      await this.database.execute(`UPDATE source_replica SET expires_at = ${now} + ?, states = ? WHERE instance = ?`, [
        LEASE_MS,
        JSON.stringify(states),
        INSTANCE_ID,
      ]);
    });
    await this.#forgetGone(100 * LEASE_MS);
  }

  /** Deletes replicas that expired long ago, found without a lock and deleted by key: a ranged delete would wait for all other heartbeats. */
  async #forgetGone(ms: number): Promise<void> {
    const isGone = `expires_at < ${this.database.dialect.now} - ?`;
    const gone = await this.database.query<{ instance: string }>(`SELECT instance FROM source_replica WHERE ${isGone}`, [ms]);
    for (const { instance } of gone) {
      await this.database.transaction(() => this.database.execute(`DELETE FROM source_replica WHERE instance = ? AND ${isGone}`, [instance, ms]));
    }
  }

  /** Live replicas, ordered by name. */
  async alive(): Promise<{ instance: string; states: SourceState[] }[]> {
    const rows = await this.database.query<{ instance: string; states: string }>(
      `SELECT instance, states FROM source_replica WHERE expires_at >= ${this.database.dialect.now} ORDER BY instance`,
    );
    return rows.map(({ instance, states }) => ({ instance, states: JSON.parse(states) as SourceState[] }));
  }

  /** Removes this replica, so that the others do not wait for its lease to expire. */
  async leave(): Promise<void> {
    await this.database.transaction(() => this.database.execute('DELETE FROM source_replica WHERE instance = ?', [this.config.INSTANCE_ID]));
  }
}
