import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import type { Group } from './group.js';
import { changingGroupColumns, groupColumns, groupOf, groupRow } from './group-row.js';
import { jsonOf, placeholders, type Row } from '../shared/row.js';
import type { Births } from './storm.js';

type DueGroup = Pick<Group, 'converge_id' | 'scope_key'>;

/** Scopes and groups. Whoever changes anything of a scope holds the lock of its row first. */
@Injectable()
export class GroupRepository {
  constructor(private readonly database: Database) {}

  /** Locks scopes, in the order of their keys, so that two transactions cannot wait for each other; answers their births. */
  async lockScopes(keys: Iterable<string>): Promise<Map<string, Births>> {
    const wanted = [...new Set(keys)].sort();
    const found = await this.#lock(wanted);
    const missing = wanted.filter((key) => !found.has(key));
    if (missing.length > 0) {
      // Two replicas may meet a scope for the first time at once: one row is kept, and both read what is in it now.
      await this.database.insert(
        'converge_scope',
        ['scope_key', 'births'],
        missing.map((key) => [key, '[]']),
        { key: ['scope_key'], update: [] },
      );
      for (const [key, births] of await this.#lock(missing)) found.set(key, births);
    }
    return found;
  }

  async #lock(keys: readonly string[]): Promise<Map<string, Births>> {
    if (keys.length === 0) return new Map();
    const rows = await this.database.query<Row>(
      `SELECT scope_key, births FROM converge_scope WHERE scope_key IN (${placeholders(keys)}) ORDER BY scope_key${this.database.dialect.forUpdate}`,
      keys,
    );
    return new Map(rows.map((row) => [row['scope_key'] as string, jsonOf<Births>(row['births'])]));
  }

  async saveBirths(births: ReadonlyMap<string, Births>): Promise<void> {
    if (births.size === 0) return;
    const rows = [...births].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, of]) => [key, JSON.stringify(of)]);
    await this.database.insert('converge_scope', ['scope_key', 'births'], rows, { key: ['scope_key'], update: ['births'] });
  }

  /** The groups with these ids, and the open ones of these keys. Belongs into a transaction that holds their scopes. */
  async find(ids: Iterable<string>, openKeys: Iterable<string> = []): Promise<Group[]> {
    const byId = [...new Set(ids)];
    const byKey = [...new Set(openKeys)];
    const selects = [
      ...(byId.length > 0 ? [`SELECT * FROM converge_group WHERE converge_id IN (${placeholders(byId)})`] : []),
      ...(byKey.length > 0 ? [`SELECT * FROM converge_group WHERE open_key IN (${placeholders(byKey)})`] : []),
    ];
    if (selects.length === 0) return [];
    const rows = await this.database.query<Row>(selects.join(' UNION ALL '), [...byId, ...byKey]);
    return [...new Map(rows.map((row) => [row['converge_id'], row])).values()].map(groupOf);
  }

  /** Groups whose time has come, the longest waiting first. */
  async due(now: number, limit: number): Promise<DueGroup[]> {
    return this.database.query<DueGroup>(
      'SELECT converge_id, scope_key FROM converge_group WHERE next_flush_at <= ? ORDER BY next_flush_at, converge_id LIMIT ?',
      [now, limit],
    );
  }

  /** When the next group is due, or undefined when nothing waits. */
  async nextFlushAt(): Promise<number | undefined> {
    const [row] = await this.database.query<Row>('SELECT MIN(next_flush_at) AS next_at FROM converge_group');
    return row?.['next_at'] == null ? undefined : Number(row['next_at']);
  }

  /** A new group is inserted plainly, so that a violated key is an error and never changes another group. */
  async save(changed: readonly Group[], opened: readonly Group[] = []): Promise<void> {
    if (changed.length > 0)
      await this.database.insert('converge_group', groupColumns, rows(changed), { key: ['converge_id'], update: changingGroupColumns });
    if (opened.length > 0) await this.database.insert('converge_group', groupColumns, rows(opened));
  }
}

function rows(groups: readonly Group[]): unknown[][] {
  return [...groups].sort((a, b) => (a.converge_id < b.converge_id ? -1 : 1)).map(groupRow);
}
