import type { AlertEvent, Member, Severity } from '../topics.js';

/**
 * What the receivers know of a member.
 * Firing: `untold`; `counted` (a storm told its number, not its name); `told`; `raised` (told with a lower severity).
 * Over: `late` (its telling was due before it ended, so it is still told); `resolved` (its end is not told yet); `gone` (it was only counted);
 * `left` (all is told); `unnoticed` (it ended before it was due).
 */
export type Phase = 'untold' | 'counted' | 'told' | 'raised' | 'late' | 'resolved' | 'gone' | 'left' | 'unnoticed';

/** Phases of alerts that a message speaks of as firing. */
export const firingPhases = ['untold', 'counted', 'told', 'raised', 'late'] as const satisfies Phase[];
/** Phases that a message can still speak of. */
export const livePhases = [...firingPhases, 'resolved', 'gone'] as const satisfies Phase[];

/** Why an alert was not told by name. */
export type Unsent = 'ended_before_notice' | 'counted_in_storm';

/** An alert's place in a group; an alert has one for ever. Times are epoch ms by our clock, except those inside `facts`. */
export interface Membership {
  readonly alert_id: string;
  readonly alert_key: string;
  readonly converge_id: string;
  /** The group from which a storm took it. */
  readonly moved_from: string | null;
  readonly phase: Phase;
  readonly severity: Severity;
  /** As the receivers know it. */
  readonly told_severity: Severity | null;
  /** Number of the latest message that took effect. */
  readonly transition_no: number;
  readonly born_at: number;
  readonly ended_at: number | null;
  /** Sequence of the group's message that told it by name as firing, and as over. */
  readonly told_firing_seq: number | null;
  readonly told_resolved_seq: number | null;
  readonly unsent_reason: Unsent | null;
  /** The alert as messages show it. */
  readonly facts: Member;
}

/** Why a message changes nothing. */
export type Ignored =
  /** It took effect before: the outbox may publish a message twice. */
  | 'already_applied'
  /** The alert is over. */
  | 'ended'
  /** The end of an alert that we never knew. */
  | 'unknown_end';

export function born(event: AlertEvent, convergeId: string, now: number): Membership {
  return {
    alert_id: event.alert_id,
    alert_key: event.alert_key,
    converge_id: convergeId,
    moved_from: null,
    phase: 'untold',
    severity: event.severity,
    told_severity: null,
    transition_no: event.transition,
    born_at: now,
    ended_at: null,
    told_firing_seq: null,
    told_resolved_seq: null,
    unsent_reason: null,
    facts: factsOf(event),
  };
}

/** Applies a message to its member. `isOverdue`: the group should have told it before `now`. */
export function advance(member: Membership, event: AlertEvent, isOverdue: boolean, now: number): Membership | Ignored {
  if (event.transition <= member.transition_no) return 'already_applied';
  if (member.ended_at !== null) return 'ended';
  const changed = { ...member, severity: event.severity, transition_no: event.transition, facts: factsOf(event) };
  if (event.status === 'ABNORMAL') return { ...changed, phase: firingPhase(member, event.severity) };
  const phase = endPhase(member, isOverdue);
  return { ...changed, phase, ended_at: now, unsent_reason: phase === 'unnoticed' ? 'ended_before_notice' : null };
}

function firingPhase({ phase, told_severity, told_firing_seq }: Membership, severity: Severity): Phase {
  if (phase === 'untold') return 'untold';
  if (told_severity !== null && severity < told_severity) return 'raised';
  return told_firing_seq === null ? 'counted' : 'told';
}

function endPhase({ phase, told_firing_seq }: Membership, isOverdue: boolean): Phase {
  if (phase === 'untold') return isOverdue ? 'late' : 'unnoticed';
  return told_firing_seq === null ? 'gone' : 'resolved';
}

function factsOf(event: AlertEvent): Member {
  return {
    alert_id: event.alert_id,
    alert_key: event.alert_key,
    status: event.status,
    severity: event.severity,
    alert_name: event.alert_name,
    strategy_id: event.strategy_id,
    strategy_name: event.strategy_name,
    labels: event.labels,
    annotations: event.annotations,
    description: event.description,
    value: event.value,
    begin_time: event.begin_time,
    end_time: event.status === 'ABNORMAL' ? null : event.time,
    ...(event.generator_url !== undefined && { generator_url: event.generator_url }),
  };
}
