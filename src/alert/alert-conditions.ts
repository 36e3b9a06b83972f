import { derivedLabels } from '../shared/alert-labels.js';
import { clip, placeholders } from '../shared/row.js';
import type { AlertFilter, Position } from './query.js';

/** A filter as SQL conditions. They select every alert that matches, and some that do not: `fits` makes the final decision. */
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
