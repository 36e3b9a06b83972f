/**
 * Notification state of a group member: what the receivers of its group were notified of.
 * The state machine is this table, phase × input → next phase; docs/converge.md shows it, and the SQL for a published message is generated from it.
 */
const transitions = {
  /** Firing; no message has included it yet. */
  pending: {
    ended: 'never_notified',
    ended_overdue: 'pending_late',
    listed: 'notified',
    counted: 'counted',
  },
  /** Firing; a message listed it by name. */
  notified: { severity_raised: 'severity_raised', ended: 'resolved_pending', ended_overdue: 'resolved_pending' },
  /** Firing; a storm digest included it in its counts only. */
  counted: {
    severity_raised: 'severity_raised',
    ended: 'resolved_counted',
    ended_overdue: 'resolved_counted',
    listed: 'notified',
  },
  /** Firing; the receivers know a lower severity. */
  severity_raised: {
    severity_restored: { afterListed: 'notified', afterCounted: 'counted' },
    ended: { afterListed: 'resolved_pending', afterCounted: 'resolved_counted' },
    ended_overdue: { afterListed: 'resolved_pending', afterCounted: 'resolved_counted' },
    listed: 'notified',
    counted: { afterListed: 'notified', afterCounted: 'counted' },
  },
  /** Ended after its notification was due and before it was sent: the next message lists it as firing. */
  pending_late: { listed: 'resolved_pending', counted: 'done' },
  /** Ended; the receivers know it as firing. */
  resolved_pending: { listed: 'done' },
  /** Ended; only the counts of a storm digest have to change. */
  resolved_counted: { counted: 'done' },
  /** Ended; nothing is left to send. */
  done: {},
  /** Ended before its notification was due. */
  never_notified: {},
} as const satisfies Record<string, Partial<Record<PhaseInput, string | Record<'afterListed' | 'afterCounted', string>>>>;

export type Phase = keyof typeof transitions;

export const phaseInputs = [
  /** The alert fires with a higher severity than the receivers know. */
  'severity_raised',
  /** The alert fires with no higher severity than the receivers know. */
  'severity_restored',
  'ended',
  /** The alert ended, and its group should have sent a message before. */
  'ended_overdue',
  /** A published message listed the member by name. */
  'listed',
  /** A published storm digest did not list the member, but counted it. */
  'counted',
] as const;
export type PhaseInput = (typeof phaseInputs)[number];

/** A next phase that depends on whether an earlier message listed the member by name. */
interface ByHistory {
  readonly afterListed: Phase;
  readonly afterCounted: Phase;
}

const table: Readonly<Record<Phase, Readonly<Partial<Record<PhaseInput, Phase | ByHistory>>>>> = transitions;
export const phases = Object.keys(table) as Phase[];

/** Phases that a message presents as firing. */
export const firingPhases = ['pending', 'counted', 'notified', 'severity_raised', 'pending_late'] as const satisfies Phase[];
/** Phases that a message still has to consider. */
export const livePhases = [...firingPhases, 'resolved_pending', 'resolved_counted'] as const satisfies Phase[];

/** The phase after an input; an input without an entry in the table leaves the phase unchanged. */
export function nextPhase(phase: Phase, input: PhaseInput, wasListed: boolean): Phase {
  const next = table[phase][input] ?? phase;
  if (typeof next === 'string') return next;
  return wasListed ? next.afterListed : next.afterCounted;
}

/** Phases that the input changes; with `to`, those that it changes to this phase whatever the history. */
export function phasesChangedBy(input: PhaseInput, to?: Phase): Phase[] {
  return phases.filter((phase) => (to === undefined ? table[phase][input] !== undefined : table[phase][input] === to));
}

/** {@link nextPhase} as an SQL expression over the columns `phase` and `notified_firing_seq`. */
export function nextPhaseSql(input: PhaseInput): string {
  const cases = phasesChangedBy(input).flatMap((phase) => {
    const next = table[phase][input]!;
    if (typeof next === 'string') return [`WHEN phase = '${phase}' THEN '${next}'`];
    const { afterListed, afterCounted } = next;
    return [`WHEN phase = '${phase}' AND notified_firing_seq IS NOT NULL THEN '${afterListed}'`, `WHEN phase = '${phase}' THEN '${afterCounted}'`];
  });
  return `CASE ${cases.join(' ')} ELSE phase END`;
}

/** A cell of the table as docs/converge.md shows it. */
export function phaseCell(phase: Phase, input: PhaseInput): string {
  const next = table[phase][input];
  if (next === undefined) return '';
  return typeof next === 'string' ? `\`${next}\`` : `\`${next.afterListed}\`, or \`${next.afterCounted}\` if only counted`;
}

/** Phases as an SQL list of literals. */
export const phaseList = (of: readonly Phase[]): string => of.map((phase) => `'${phase}'`).join(', ');
