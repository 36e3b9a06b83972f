import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import type { Group } from './group.js';
import { groupTable, scopeTable } from './group-table.js';
import { placeholders, type Row } from '../shared/row.js';
import type { Arrivals } from './storm.js';

type DueGroup = Pick<Group, 'converge_id' | 'scope_key'>;

/** Scopes and groups. The row of a scope is the lock of everything in it. */
@Injectable()
export class GroupRepository {
  constructor(private readonly database: Database) {}

  /** Locks scopes, in the order of their keys, so that two transactions cannot deadlock; returns their arrivals. */
  async lockScopes(keys: Iterable<string>): Promise<Map<string, Arrivals>> {
    const wanted = [...new Set(keys)].sort();
    const found = await this.#lock(wanted);
    const missing = wanted.filter((key) => !found.has(key));
    if (missing.length > 0) {
      // Two replicas may insert a new scope at the same time: one row stays, and both read it.
      const scopes = missing.map((scope_key) => ({ scope_key, arrivals: [] }));
      await this.database.insertAll(scopeTable, scopes, { key: scopeTable.primaryKey, update: [] });
      for (const [key, arrivals] of await this.#lock(missing)) found.set(key, arrivals);
    }
    return found;
  }

  async #lock(keys: readonly string[]): Promise<Map<string, Arrivals>> {
    if (keys.length === 0) return new Map();
    const rows = await this.database.query<Row>(
      `SELECT ${scopeTable.selection} FROM converge_scope WHERE scope_key IN (${placeholders(keys)}) ORDER BY scope_key${this.database.dialect.forUpdate}`,
      keys,
    );
    return new Map(rows.map(scopeTable.parse).map(({ scope_key, arrivals }) => [scope_key, arrivals]));
  }

  async saveArrivals(arrivals: ReadonlyMap<string, Arrivals>): Promise<void> {
    const scopes = [...arrivals].sort(([a], [b]) => (a < b ? -1 : 1)).map(([scope_key, of]) => ({ scope_key, arrivals: of }));
    await this.database.insertAll(scopeTable, scopes, scopeTable.upsert);
  }

  /** The groups with these ids, and the open ones of these keys. Belongs into a transaction that has locked their scopes. */
  async find(ids: Iterable<string>, openKeys: Iterable<string> = []): Promise<Group[]> {
    const byId = [...new Set(ids)];
    const byKey = [...new Set(openKeys)];
    const selects = [
      ...(byId.length > 0 ? [`SELECT * FROM converge_group WHERE converge_id IN (${placeholders(byId)})`] : []),
      ...(byKey.length > 0 ? [`SELECT * FROM converge_group WHERE open_key IN (${placeholders(byKey)})`] : []),
    ];
    if (selects.length === 0) return [];
    const rows = await this.database.query<Row>(selects.join(' UNION ALL '), [...byId, ...byKey]);
    return [...new Map(rows.map((row) => [row['converge_id'], row])).values()].map(groupTable.parse);
  }

  /** Groups that are due, the longest due first. */
  async due(now: number, limit: number): Promise<DueGroup[]> {
    return this.database.query<DueGroup>(
      'SELECT converge_id, scope_key FROM converge_group WHERE next_flush_at <= ? ORDER BY next_flush_at, converge_id LIMIT ?',
      [now, limit],
    );
  }

  /** When the next group is due; undefined when none is scheduled. */
  async nextFlushAt(): Promise<number | undefined> {
    const [row] = await this.database.query<Row>('SELECT MIN(next_flush_at) AS next_at FROM converge_group');
    return row?.['next_at'] == null ? undefined : Number(row['next_at']);
  }

  /** A new group is inserted plainly, so that a violated key is an error and never changes another group. */
  async save(changed: readonly Group[], opened: readonly Group[] = []): Promise<void> {
    await this.database.insertAll(groupTable, inOrder(changed), groupTable.upsert);
    await this.database.insertAll(groupTable, inOrder(opened));
  }
}

/** In the order of the primary key, so that two writers cannot deadlock. */
function inOrder(groups: readonly Group[]): Group[] {
  return [...groups].sort((a, b) => (a.converge_id < b.converge_id ? -1 : 1));
}
