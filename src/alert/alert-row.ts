import { clip, flagOf, jsonOf, nullableNumber, placeholders, type Row } from '../shared/row.js';
import type { Severity } from '../topics.js';
import { derivedLabels } from '../shared/alert-labels.js';
import { type Alert, type AlertState, isOpen } from './alert.js';
import type { AlertFilter, Position } from './query.js';

type Column<A> = readonly [name: string, value: (alert: A) => unknown];

/** Columns of what changes; the flags that nobody sets yet keep their default. */
const changing: readonly Column<AlertState>[] = [
  ['open_key', (alert) => (isOpen(alert) ? alert.alert_key : null)],
  ['status', (alert) => alert.status],
  ['severity', (alert) => alert.severity],
  ['annotations', (alert) => JSON.stringify(alert.annotations)],
  ['value', (alert) => alert.value],
  ['description', (alert) => alert.description],
  ['latest_time', (alert) => alert.latest_time],
  ['end_time', (alert) => alert.end_time],
  ['end_reason', (alert) => (alert.end_reason === null ? null : clip(alert.end_reason, 255))],
  ['transition_no', (alert) => alert.transition_no],
  ['is_acknowledged', (alert) => (alert.is_acknowledged ? 1 : 0)],
  ['acknowledged_by', (alert) => alert.acknowledged_by],
  ['acknowledged_at', (alert) => alert.acknowledged_at],
  ['generator_url', (alert) => alert.generator_url],
  ['updated_at', (alert) => alert.updated_at],
];

const fixed: readonly Column<Alert>[] = [
  ['alert_key', (alert) => alert.alert_key],
  ['bk_biz_id', (alert) => alert.bk_biz_id],
  ['strategy_id', (alert) => alert.strategy_id],
  ['strategy_version', (alert) => alert.strategy_version],
  ['strategy_name', (alert) => clip(alert.strategy_name, 255)],
  ['alert_name', (alert) => clip(alert.alert_name, 255)],
  ['target_type', (alert) => clip(alert.target_type, 64)],
  ['target', (alert) => clip(alert.target, 255)],
  ['dimensions', (alert) => JSON.stringify(alert.dimensions)],
  ['labels', (alert) => JSON.stringify(alert.labels)],
  ['metric', (alert) => clip(alert.metric, 255)],
  ['begin_time', (alert) => alert.begin_time],
  ['created_at', (alert) => alert.created_at],
];

const names = (columns: readonly Column<never>[]): string[] => columns.map(([name]) => name);

export const changingColumns = names(changing);
/** Columns of {@link stateRowOf}. */
export const stateColumns = ['alert_id', ...changingColumns];
/** Columns of {@link rowOf}. */
export const alertColumns = [...stateColumns, ...names(fixed)];
/** What {@link stateOf} needs. */
export const stateSelection = [...stateColumns, 'alert_key', 'bk_biz_id', 'strategy_id'].join(', ');

export function stateRowOf(alert: AlertState): unknown[] {
  const row: unknown[] = [alert.alert_id];
  for (const [, value] of changing) row.push(value(alert));
  return row;
}

export function rowOf(alert: Alert): unknown[] {
  const row = stateRowOf(alert);
  for (const [, value] of fixed) row.push(value(alert));
  return row;
}

export function stateOf(row: Row): AlertState {
  return {
    alert_id: row['alert_id'] as string,
    alert_key: row['alert_key'] as string,
    bk_biz_id: row['bk_biz_id'] as string,
    strategy_id: Number(row['strategy_id']),
    status: row['status'] as Alert['status'],
    severity: Number(row['severity']) as Severity,
    annotations: jsonOf(row['annotations']),
    value: nullableNumber(row['value']),
    description: row['description'] as string,
    latest_time: Number(row['latest_time']),
    end_time: nullableNumber(row['end_time']),
    end_reason: row['end_reason'] as string | null,
    transition_no: Number(row['transition_no']),
    is_acknowledged: flagOf(row['is_acknowledged']),
    acknowledged_by: row['acknowledged_by'] as string | null,
    acknowledged_at: nullableNumber(row['acknowledged_at']),
    generator_url: row['generator_url'] as string | null,
    updated_at: Number(row['updated_at']),
  };
}

export function alertOf(row: Row): Alert {
  return {
    ...stateOf(row),
    strategy_version: Number(row['strategy_version']),
    strategy_name: row['strategy_name'] as string,
    alert_name: row['alert_name'] as string,
    target_type: row['target_type'] as string,
    target: row['target'] as string,
    dimensions: jsonOf(row['dimensions']),
    labels: jsonOf(row['labels']),
    metric: row['metric'] as string,
    begin_time: Number(row['begin_time']),
    is_shielded: flagOf(row['is_shielded']),
    is_recovering: flagOf(row['is_recovering']),
    is_blocked: flagOf(row['is_blocked']),
    is_flapping: flagOf(row['is_flapping']),
    created_at: Number(row['created_at']),
  };
}

/** A filter as SQL conditions. They keep every alert that fits, and some that do not: `fits` has the last word. */
export function conditionsOf(filter: AlertFilter, after?: Position): { where: string; parameters: unknown[] } {
  const conditions: [sql: string, ...parameters: unknown[]][] = [];
  const among = (name: string, values: readonly unknown[] | undefined): void => {
    if (values?.length) conditions.push([`${name} IN (${placeholders(values)})`, ...values]);
  };
  const single = (sql: string, value: unknown): void => {
    if (value !== undefined) conditions.push([sql, value]);
  };
  among('status', filter.status);
  among('severity', filter.severity);
  single('bk_biz_id = ?', filter.bk_biz_id);
  single('strategy_id = ?', filter.strategy_id);
  single('is_acknowledged = ?', filter.acknowledged === undefined ? undefined : Number(filter.acknowledged));
  single('alert_name = ?', filter.name === undefined ? undefined : clip(filter.name, 255));
  single('begin_time >= ?', filter.from);
  single('begin_time < ?', filter.to);
  for (const fragment of labelFragments(filter)) conditions.push(['INSTR(labels, ?) > 0', fragment]);
  if (after) conditions.push(['begin_time <= ? AND (begin_time < ? OR alert_id < ?)', after.begin_time, after.begin_time, after.alert_id]);
  return {
    where: conditions.length > 0 ? ` WHERE ${conditions.map(([sql]) => sql).join(' AND ')}` : '',
    parameters: conditions.flatMap(([, ...parameters]) => parameters),
  };
}

/** Labels are stored as JSON.stringify writes them, so an alert with the label has this text in its row. */
function labelFragments({ labels }: AlertFilter): string[] {
  return labels
    .filter(({ name, equal, value }) => equal && value !== '' && !derivedLabels.has(name))
    .map(({ name, value }) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
}
