import type { Severity } from '../topics.js';
import type { Membership } from './membership.js';
import { jsonOf, type Row, nullableNumber } from '../shared/row.js';

const columns: readonly (readonly [name: string, value: (member: Membership) => unknown])[] = [
  ['alert_id', (member) => member.alert_id],
  ['alert_key', (member) => member.alert_key],
  ['converge_id', (member) => member.converge_id],
  ['moved_from', (member) => member.moved_from],
  ['phase', (member) => member.phase],
  ['severity', (member) => member.severity],
  ['told_severity', (member) => member.told_severity],
  ['transition_no', (member) => member.transition_no],
  ['born_at', (member) => member.born_at],
  ['ended_at', (member) => member.ended_at],
  ['told_firing_seq', (member) => member.told_firing_seq],
  ['told_resolved_seq', (member) => member.told_resolved_seq],
  ['unsent_reason', (member) => member.unsent_reason],
  ['facts', (member) => JSON.stringify(member.facts)],
];

export const memberColumns = columns.map(([name]) => name);

/** What messages about the alert change; what was told is changed by the flush alone. */
export const changingMemberColumns = ['converge_id', 'moved_from', 'phase', 'severity', 'transition_no', 'ended_at', 'unsent_reason', 'facts'];

export const memberRow = (member: Membership): unknown[] => columns.map(([, value]) => value(member));

export function memberOf(row: Row): Membership {
  return {
    alert_id: row['alert_id'] as string,
    alert_key: row['alert_key'] as string,
    converge_id: row['converge_id'] as string,
    moved_from: row['moved_from'] as string | null,
    phase: row['phase'] as Membership['phase'],
    severity: Number(row['severity']) as Severity,
    told_severity: nullableNumber(row['told_severity']) as Severity | null,
    transition_no: Number(row['transition_no']),
    born_at: Number(row['born_at']),
    ended_at: nullableNumber(row['ended_at']),
    told_firing_seq: nullableNumber(row['told_firing_seq']),
    told_resolved_seq: nullableNumber(row['told_resolved_seq']),
    unsent_reason: row['unsent_reason'] as Membership['unsent_reason'],
    facts: jsonOf(row['facts']),
  };
}
