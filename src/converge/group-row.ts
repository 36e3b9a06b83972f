import type { Group } from './group.js';
import { clip, jsonOf, nullableNumber, type Row } from '../shared/row.js';

const columns: readonly (readonly [name: string, value: (group: Group) => unknown])[] = [
  ['converge_id', (group) => group.converge_id],
  ['open_key', (group) => group.open_key],
  ['group_key', (group) => group.group_key],
  ['scope_key', (group) => group.scope_key],
  ['kind', (group) => group.kind],
  ['state', (group) => group.state],
  ['end_reason', (group) => group.end_reason],
  ['bk_biz_id', (group) => group.bk_biz_id],
  ['strategy_id', (group) => group.strategy_id],
  ['name', (group) => clip(group.name, 255)],
  ['dimensions', (group) => JSON.stringify(group.dimensions)],
  ['receivers', (group) => (group.receivers === null ? null : JSON.stringify(group.receivers))],
  ['sequence_no', (group) => group.sequence_no],
  ['joined', (group) => group.joined],
  ['is_accepting', (group) => (group.is_accepting ? 1 : 0)],
  ['opened_at', (group) => group.opened_at],
  ['notified_at', (group) => group.notified_at],
  ['next_flush_at', (group) => group.next_flush_at],
  ['ended_at', (group) => group.ended_at],
];

export const groupColumns = columns.map(([name]) => name);

/** What can change in the life of a group. */
export const changingGroupColumns = [
  'open_key',
  'state',
  'end_reason',
  'receivers',
  'sequence_no',
  'joined',
  'is_accepting',
  'notified_at',
  'next_flush_at',
  'ended_at',
];

export const groupRow = (group: Group): unknown[] => columns.map(([, value]) => value(group));

export function groupOf(row: Row): Group {
  return {
    converge_id: row['converge_id'] as string,
    open_key: row['open_key'] as string | null,
    group_key: row['group_key'] as string,
    scope_key: row['scope_key'] as string,
    kind: row['kind'] as Group['kind'],
    state: row['state'] as Group['state'],
    end_reason: row['end_reason'] as Group['end_reason'],
    bk_biz_id: row['bk_biz_id'] as string,
    strategy_id: Number(row['strategy_id']),
    name: row['name'] as string,
    dimensions: jsonOf(row['dimensions']),
    receivers: row['receivers'] === null ? null : jsonOf(row['receivers']),
    sequence_no: Number(row['sequence_no']),
    joined: Number(row['joined']),
    is_accepting: Number(row['is_accepting']) === 1,
    opened_at: Number(row['opened_at']),
    notified_at: nullableNumber(row['notified_at']),
    next_flush_at: nullableNumber(row['next_flush_at']),
    ended_at: nullableNumber(row['ended_at']),
  };
}
