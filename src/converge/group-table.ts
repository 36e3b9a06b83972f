import { bigint, clippedText, flagColumn, insertOnly, json, ms, nullable, textColumn } from '../database/column.js';
import { table } from '../database/table.js';
import type { Group } from './group.js';
import type { Arrivals } from './storm.js';

/** The row of a scope is also the lock of everything that belongs to it. */
export const scopeTable = table<{ readonly scope_key: string; readonly arrivals: Arrivals }>(
  'converge_scope',
  { scope_key: textColumn(32), arrivals: json() },
  { primaryKey: ['scope_key'] },
);

export const groupTable = table<Group>(
  'converge_group',
  {
    converge_id: textColumn(32),
    // Equals group_key while the group is open, null afterwards: the database itself refuses a second open group of one key.
    open_key: nullable(textColumn(32)),
    group_key: insertOnly(textColumn(32)),
    scope_key: insertOnly(textColumn(32)),
    kind: insertOnly(textColumn(16)),
    state: textColumn(16),
    end_reason: nullable(textColumn(32)),
    bk_biz_id: insertOnly(textColumn(128)),
    strategy_id: insertOnly(bigint()),
    name: insertOnly(clippedText(255)),
    dimensions: insertOnly(json()),
    receivers: nullable(json()),
    sequence_no: bigint(),
    joined: bigint(),
    is_accepting: flagColumn(),
    opened_at: insertOnly(ms()),
    notified_at: nullable(ms()),
    next_flush_at: nullable(ms()),
    ended_at: nullable(ms()),
  },
  {
    primaryKey: ['converge_id'],
    unique: [['open_key']],
    indexes: [['next_flush_at'], ['scope_key', 'state'], ['state', 'opened_at', 'converge_id']],
  },
);
