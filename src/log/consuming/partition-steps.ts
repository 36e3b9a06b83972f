import { passingTrouble } from '../../database/failures.js';
import { PoisonError } from '../../shared/errors.js';
import type { Deferral } from '../deferral.js';
import type { LogRecord } from '../event-log.js';
import { FencedError } from '../fenced-error.js';
import type { PartitionPause } from './partition-pause.js';

/** Pause check: why the partition is deferred until an operator resumes it. */
export function pauseCheck(pause: Pick<PartitionPause, 'kind' | 'why'> | undefined): Deferral | undefined {
  return pause && { reason: pause.kind === 'paused' ? 'paused' : 'halted', why: pause.why };
}

/** The records that have not been handled yet; after a restart a batch may begin below the position. */
export const unhandled = (records: readonly LogRecord[], position: number): readonly LogRecord[] =>
  records.filter(({ offset }) => offset >= position);

/**
 * Gap check: why the position must be compared with the offsets of the log. A batch below the position may be late, or from a topic that was
 * recreated and is shorter than before; retention may have caused a gap before the first record.
 */
export function suspicion(
  first: Pick<LogRecord, 'offset'> | undefined,
  position: number,
): 'nothing at the position' | 'hole before the batch' | undefined {
  if (!first) return 'nothing at the position';
  return first.offset > position ? 'hole before the batch' : undefined;
}

/** Kind of a batch failure: the label of the metric, and the decision how the partition continues. */
export type BatchFailure = 'poison' | 'fenced' | NonNullable<ReturnType<typeof passingTrouble>> | 'error';

export function batchFailure(error: unknown): BatchFailure {
  if (error instanceof PoisonError) return 'poison';
  if (error instanceof FencedError) return 'fenced';
  return passingTrouble(error) ?? 'error';
}

/** Outcomes of handled records in order, for the poison limit: true marks a poison record. */
export const poisonOutcomes = (records: readonly LogRecord[], poison: readonly { readonly record: LogRecord }[]): boolean[] => {
  const offsets = new Set(poison.map(({ record }) => record.offset));
  return records.map(({ offset }) => offsets.has(offset));
};
