import type { ConvergedAlert, Severity } from '../topics.js';
import { changed, type EndReason, type Group } from './group.js';
import { firingPhases, livePhases } from './membership.js';
import type { Policy } from './policy.js';

/** Members of a group by phase, and the most severe of those that count. */
export type Tally = Readonly<Record<(typeof livePhases)[number], number>> & {
  /** Of the firing ones; when none fires, of the others. */
  readonly severity: Severity;
};

export type Reason = ConvergedAlert['reason'];

export const emptyTally: Tally = { ...(Object.fromEntries(livePhases.map((phase) => [phase, 0])) as Omit<Tally, 'severity'>), severity: 3 };

/** Alerts that a message of now speaks of as firing. */
export const firing = (tally: Tally): number => firingPhases.reduce((sum, phase) => sum + tally[phase], 0);

/** Why the group must be told now, or undefined when there is nothing to tell. Modelled on the reasons of Alertmanager (docs/converge.md). */
export function flushReason(group: Pick<Group, 'kind' | 'told_at'>, tally: Tally, policy: Policy, now: number): Reason | undefined {
  const { untold, late, raised, resolved, gone } = tally;
  const storm = group.kind === 'storm';
  if (group.told_at === null) return firing(tally) === 0 ? undefined : storm ? 'storm opened' : 'first notification';
  if (firing(tally) === 0) return 'all alerts resolved';
  if (storm && untold + late + raised + resolved + gone > 0) return 'storm updated';
  if (untold + late > 0) return 'new alerts added';
  if (raised > 0) return 'severity raised';
  if (resolved > 0) return 'some alerts resolved';
  return now >= repeatAt(group.told_at, policy) ? 'repeat interval elapsed' : undefined;
}

/** Repetitions without a pause would never let the duty rest. */
const SHORTEST_REPEAT_MS = 1000;

/** When a group that still fires is told again although nothing changed. */
function repeatAt(toldAt: number, { repeatInterval, groupInterval }: Policy): number {
  return toldAt + Math.max(repeatInterval, groupInterval, SHORTEST_REPEAT_MS);
}

/** Nothing was ever told, so nothing needs telling: why the group ends in silence. */
export function silentEnd({ joined }: Pick<Group, 'joined'>): EndReason {
  return joined === 0 ? 'moved_to_storm' : 'ended_before_first_notice';
}

/** A due group without a reason: one that was told waits for its repetition, one that was not has nobody left and ends. */
export function afterSilence(group: Group, policy: Policy, now: number): Group {
  return group.told_at === null ? ended(group, silentEnd(group), now) : { ...group, next_flush_at: repeatAt(group.told_at, policy) };
}

/** The group after a message. `complete`: the message told all there was; the rest follows at once. */
export function afterNotice(
  group: Group,
  { reason, receivers }: ConvergedAlert,
  tally: Tally,
  complete: boolean,
  policy: Policy,
  now: number,
): Group {
  const told: Group = { ...group, state: 'notified', sequence_no: group.sequence_no + 1, told_at: now, receivers };
  if (reason === 'all alerts resolved') return ended(told, 'all_alerts_resolved', now);
  if (!complete) return { ...told, next_flush_at: now };
  const waiting = { ...told, next_flush_at: repeatAt(now, policy) };
  // What was told late as firing is over: that is the next change.
  return tally.late > 0 ? changed(waiting, policy, now) : waiting;
}

function ended(group: Group, reason: EndReason, now: number): Group {
  return { ...group, state: 'ended', end_reason: reason, open_key: null, is_taking: false, next_flush_at: null, ended_at: now };
}

/**
 * Whom a message goes to: whoever a life has told hears of it to its end, and new receivers join.
 * The default receivers have no names, so a life that told them stays with them.
 */
export function receiversOf(told: readonly string[] | null, current: readonly string[]): string[] {
  if (told === null) return [...current];
  return told.length === 0 ? [] : [...new Set([...told, ...current])];
}
