import {
  bigint,
  clippedText,
  type Column,
  derived,
  double,
  flagColumn,
  insertOnly,
  int,
  json,
  longText,
  ms,
  nullable,
  textColumn,
  withDefault,
} from '../database/column.js';
import { table } from '../database/table.js';
import { type Alert, type AlertState, isOpen } from './alert.js';

// Columns that are fixed at insert have a default or may be null, so that an upsert of existing rows may omit them.
const fixedText = (length: number): Column<string> => insertOnly(withDefault(clippedText(length), ''));
const fixedNumber = (): Column<number> => insertOnly(withDefault(bigint(), 0));
const fixedJson = <V>(): Column<V> => ({ ...insertOnly(json<V>()), isNullable: true });

export const alertTable = table<Alert, 'open_key'>(
  'alert',
  {
    alert_id: textColumn(64),
    alert_key: fixedText(64),
    // Equals alert_key while the alert is open, null afterwards: the database itself refuses a second open alert of one key.
    open_key: derived(nullable(textColumn(64)), (alert) => (isOpen(alert) ? alert.alert_key : null)),
    bk_biz_id: fixedText(128),
    strategy_id: fixedNumber(),
    strategy_version: fixedNumber(),
    strategy_name: fixedText(255),
    alert_name: fixedText(255),
    status: textColumn(16),
    severity: int(),
    target_type: fixedText(64),
    target: fixedText(255),
    dimensions: fixedJson(),
    labels: fixedJson(),
    annotations: json(),
    metric: fixedText(255),
    value: nullable(double()),
    description: longText(),
    begin_time: fixedNumber(),
    latest_time: ms(),
    end_time: nullable(ms()),
    end_reason: nullable(clippedText(255)),
    transition_no: bigint(),
    is_acknowledged: flagColumn(),
    acknowledged_by: nullable(textColumn(255)),
    acknowledged_at: nullable(ms()),
    is_shielded: insertOnly(flagColumn()),
    is_recovering: insertOnly(flagColumn()),
    is_blocked: insertOnly(flagColumn()),
    is_flapping: insertOnly(flagColumn()),
    generator_url: nullable(longText()),
    created_at: fixedNumber(),
    updated_at: ms(),
  },
  {
    primaryKey: ['alert_id'],
    unique: [['open_key']],
    indexes: [
      ['begin_time', 'alert_id'],
      ['status', 'begin_time', 'alert_id'],
      ['strategy_id', 'begin_time'],
    ],
  },
);

/** Fields that alert events and commands change. */
const changing = [
  'status',
  'severity',
  'annotations',
  'value',
  'description',
  'latest_time',
  'end_time',
  'end_reason',
  'transition_no',
  'is_acknowledged',
  'acknowledged_by',
  'acknowledged_at',
  'generator_url',
  'updated_at',
] as const satisfies (keyof AlertState)[];

/** Fields that are fixed at insert. */
const fixed = [
  'alert_key',
  'bk_biz_id',
  'strategy_id',
  'strategy_version',
  'strategy_name',
  'alert_name',
  'target_type',
  'target',
  'dimensions',
  'labels',
  'metric',
  'begin_time',
  'created_at',
] as const satisfies (keyof Alert)[];

/** Writes new alerts; the flags that nothing sets yet keep their default, so that a thousand rows fit into one statement. */
export const alertWriter = alertTable.writer<Alert>(['alert_id', 'open_key', ...changing, ...fixed]);
/** Writes the changes of an existing alert; the insert-only columns are omitted. */
export const stateWriter = alertTable.writer<AlertState>(['alert_id', 'open_key', ...changing]);
export const stateReader = alertTable.reader(['alert_id', 'alert_key', 'bk_biz_id', 'strategy_id', ...changing]);
