import { type AlertEvent, alertSubjectOf, type MemberAlert, type Severity } from '../topics.js';
import { nextPhase, type Phase } from './member-phase.js';

/** Why no message listed the alert. */
export type NotNotifiedReason = 'ended_before_notice' | 'counted_in_storm';

/** An alert as a member of a group, which it never leaves except for a storm. Times are epoch ms of Tocsin's clock, except those in `alert`. */
export interface ConvergeMember {
  readonly alert_id: string;
  readonly alert_key: string;
  readonly converge_id: string;
  /** The group that the alert was moved from when a storm began. */
  readonly moved_from: string | null;
  readonly phase: Phase;
  readonly severity: Severity;
  /** Severity in the latest message about it. */
  readonly notified_severity: Severity | null;
  /** Number of the latest alert event that was applied. */
  readonly transition_no: number;
  readonly created_at: number;
  readonly ended_at: number | null;
  /** Sequence of the group's message that first listed it as firing, and of the one that listed it as resolved. */
  readonly notified_firing_seq: number | null;
  readonly notified_resolved_seq: number | null;
  readonly not_notified_reason: NotNotifiedReason | null;
  /** The alert as messages show it. */
  readonly alert: MemberAlert;
}

/** Why an alert event changes nothing. */
export type IgnoredByConverge =
  /** The outbox may publish an event twice. */
  | 'already_applied'
  /** The alert has ended. */
  | 'ended'
  /** The end of an alert that is no member. */
  | 'unknown_end';

export function createMember(event: AlertEvent, convergeId: string, now: number): ConvergeMember {
  return {
    alert_id: event.alert_id,
    alert_key: event.alert_key,
    converge_id: convergeId,
    moved_from: null,
    phase: 'pending',
    severity: event.severity,
    notified_severity: null,
    transition_no: event.transition,
    created_at: now,
    ended_at: null,
    notified_firing_seq: null,
    notified_resolved_seq: null,
    not_notified_reason: null,
    alert: memberAlertOf(event),
  };
}

/** Applies an alert event to its member. `isOverdue`: the group should have sent a message that lists it before `now`. */
export function updateMember(member: ConvergeMember, event: AlertEvent, isOverdue: boolean, now: number): ConvergeMember | IgnoredByConverge {
  if (event.transition <= member.transition_no) return 'already_applied';
  if (member.ended_at !== null) return 'ended';
  const wasListed = member.notified_firing_seq !== null;
  const changed = { ...member, severity: event.severity, transition_no: event.transition, alert: memberAlertOf(event) };
  if (event.status === 'ABNORMAL') {
    const raised = member.notified_severity !== null && event.severity < member.notified_severity;
    return { ...changed, phase: nextPhase(member.phase, raised ? 'severity_raised' : 'severity_restored', wasListed) };
  }
  const phase = nextPhase(member.phase, isOverdue ? 'ended_overdue' : 'ended', wasListed);
  return { ...changed, phase, ended_at: now, not_notified_reason: phase === 'never_notified' ? 'ended_before_notice' : null };
}

function memberAlertOf(event: AlertEvent): MemberAlert {
  return {
    ...alertSubjectOf(event),
    status: event.status,
    end_time: event.status === 'ABNORMAL' ? null : event.time,
    ...(event.generator_url !== undefined && { generator_url: event.generator_url }),
  };
}
