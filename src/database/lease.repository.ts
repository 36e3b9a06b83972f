import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { Database } from './database.client.js';
import { leaseTable } from './lease-table.js';

/** Leases of leader-elected tasks: which replica runs a task that only one may run. Times are the database's clock, which all replicas share. */
@Injectable()
export class LeaseRepository {
  constructor(
    private readonly database: Database,
    private readonly config: Config,
  ) {}

  /** Acquires or renews the lease for LEASE_MS; false when another replica has it. */
  acquire(name: string): Promise<boolean> {
    const { now } = this.database.dialect;
    const owner = this.config.INSTANCE_ID;
    return this.database.transaction(async () => {
      await this.database.insertAll(leaseTable, [{ name, owner: '', epoch: 0, expires_at: 0 }], { key: ['name'], update: [] });
      const taken = await this.database.execute(
        `UPDATE lease SET epoch = CASE WHEN owner = ? THEN epoch ELSE epoch + 1 END, owner = ?, expires_at = ${now} + ?
         WHERE name = ? AND (owner = ? OR expires_at < ${now})`,
        [owner, owner, this.config.LEASE_MS, name, owner],
      );
      return taken === 1;
    });
  }

  /** Releases the lease, so that another replica need not wait until it expires. */
  async release(name: string): Promise<void> {
    await this.database.transaction(() =>
      this.database.execute('UPDATE lease SET expires_at = 0 WHERE name = ? AND owner = ?', [name, this.config.INSTANCE_ID]),
    );
  }
}
