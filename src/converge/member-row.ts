import type { Severity } from '../topics.js';
import type { ConvergeMember } from './converge-member.js';
import { jsonOf, type Row, nullableNumber } from '../shared/row.js';

const columns: readonly (readonly [name: string, value: (member: ConvergeMember) => unknown])[] = [
  ['alert_id', (member) => member.alert_id],
  ['alert_key', (member) => member.alert_key],
  ['converge_id', (member) => member.converge_id],
  ['moved_from', (member) => member.moved_from],
  ['phase', (member) => member.phase],
  ['severity', (member) => member.severity],
  ['notified_severity', (member) => member.notified_severity],
  ['transition_no', (member) => member.transition_no],
  ['created_at', (member) => member.created_at],
  ['ended_at', (member) => member.ended_at],
  ['notified_firing_seq', (member) => member.notified_firing_seq],
  ['notified_resolved_seq', (member) => member.notified_resolved_seq],
  ['not_notified_reason', (member) => member.not_notified_reason],
  ['alert', (member) => JSON.stringify(member.alert)],
];

export const memberColumns = columns.map(([name]) => name);

/** Columns that alert events change; the notified_ columns are changed by the flush alone. */
export const changingMemberColumns = ['converge_id', 'moved_from', 'phase', 'severity', 'transition_no', 'ended_at', 'not_notified_reason', 'alert'];

export const memberRow = (member: ConvergeMember): unknown[] => columns.map(([, value]) => value(member));

export function memberOf(row: Row): ConvergeMember {
  return {
    alert_id: row['alert_id'] as string,
    alert_key: row['alert_key'] as string,
    converge_id: row['converge_id'] as string,
    moved_from: row['moved_from'] as string | null,
    phase: row['phase'] as ConvergeMember['phase'],
    severity: Number(row['severity']) as Severity,
    notified_severity: nullableNumber(row['notified_severity']) as Severity | null,
    transition_no: Number(row['transition_no']),
    created_at: Number(row['created_at']),
    ended_at: nullableNumber(row['ended_at']),
    notified_firing_seq: nullableNumber(row['notified_firing_seq']),
    notified_resolved_seq: nullableNumber(row['notified_resolved_seq']),
    not_notified_reason: row['not_notified_reason'] as ConvergeMember['not_notified_reason'],
    alert: jsonOf(row['alert']),
  };
}
