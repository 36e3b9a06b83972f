import type { ConvergedAlert, Severity } from '../topics.js';
import { type EndReason, type Group, scheduleFlush } from './group.js';
import { firingPhases, livePhases } from './member-phase.js';
import type { Policy } from './policy.js';

/** Members of a group by phase, and the most severe of those that count. */
export type Tally = Readonly<Record<(typeof livePhases)[number], number>> & {
  /** Of the firing members; when none fires, of the others. */
  readonly severity: Severity;
};

export type FlushReason = ConvergedAlert['reason'];

export const emptyTally: Tally = { ...(Object.fromEntries(livePhases.map((phase) => [phase, 0])) as Omit<Tally, 'severity'>), severity: 3 };

/** Members that a message of now presents as firing. */
export const firing = (tally: Tally): number => firingPhases.reduce((sum, phase) => sum + tally[phase], 0);

/** Why the group needs a message now, or undefined when it needs none. Modelled on the reasons of Alertmanager (docs/converge.md). */
export function flushReason(group: Pick<Group, 'kind' | 'notified_at'>, tally: Tally, policy: Policy, now: number): FlushReason | undefined {
  const { pending, pending_late, severity_raised, resolved_pending, resolved_counted } = tally;
  const storm = group.kind === 'storm';
  if (group.notified_at === null) return firing(tally) === 0 ? undefined : storm ? 'storm opened' : 'first notification';
  if (firing(tally) === 0) return 'all alerts resolved';
  if (storm && pending + pending_late + severity_raised + resolved_pending + resolved_counted > 0) return 'storm updated';
  if (pending + pending_late > 0) return 'new alerts added';
  if (severity_raised > 0) return 'severity raised';
  if (resolved_pending > 0) return 'some alerts resolved';
  return now >= repeatAt(group.notified_at, policy) ? 'repeat interval elapsed' : undefined;
}

/** A repeat interval of zero would keep the task busy without a pause. */
const SHORTEST_REPEAT_MS = 1000;

/** When a firing group without changes is notified again. */
function repeatAt(notifiedAt: number, { repeatInterval, groupInterval }: Policy): number {
  return notifiedAt + Math.max(repeatInterval, groupInterval, SHORTEST_REPEAT_MS);
}

/** Why a group ends that never published a message. */
export function endWithoutNotice({ joined }: Pick<Group, 'joined'>): EndReason {
  return joined === 0 ? 'moved_to_storm' : 'ended_before_first_notice';
}

/** A due group without a reason: a notified one waits for its repeat interval, any other has no firing member left and ends. */
export function afterSkippedFlush(group: Group, policy: Policy, now: number): Group {
  return group.notified_at === null
    ? endGroup(group, endWithoutNotice(group), now)
    : { ...group, next_flush_at: repeatAt(group.notified_at, policy) };
}

/** The group after a message. `complete`: the message listed every change; otherwise the next message is due at once. */
export function afterNotice(
  group: Group,
  { reason, receivers }: ConvergedAlert,
  tally: Tally,
  complete: boolean,
  policy: Policy,
  now: number,
): Group {
  const notified: Group = { ...group, state: 'notified', sequence_no: group.sequence_no + 1, notified_at: now, receivers };
  if (reason === 'all alerts resolved') return endGroup(notified, 'all_alerts_resolved', now);
  if (!complete) return { ...notified, next_flush_at: now };
  const waiting = { ...notified, next_flush_at: repeatAt(now, policy) };
  // A late member was listed as firing although it has ended: its end is the next change.
  return tally.pending_late > 0 ? scheduleFlush(waiting, policy, now) : waiting;
}

function endGroup(group: Group, reason: EndReason, now: number): Group {
  return { ...group, state: 'ended', end_reason: reason, open_key: null, is_accepting: false, next_flush_at: null, ended_at: now };
}

/**
 * Receivers of the next message: those notified earlier in this life of the group, and new ones of the strategy.
 * The default receivers have no names, so a life that has notified them notifies no others.
 */
export function receiversOf(notified: readonly string[] | null, current: readonly string[]): string[] {
  if (notified === null) return [...current];
  return notified.length === 0 ? [] : [...new Set([...notified, ...current])];
}
