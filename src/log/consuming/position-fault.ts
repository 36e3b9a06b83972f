import type { ErrorCode } from '../../shared/errors.js';
import type { PartitionOffsets } from '../event-log.js';

/** Why a partition cannot go on until an operator decides. */
export interface PartitionFault {
  readonly code: ErrorCode;
  readonly why: string;
}

/** How the fault of a position is worded: the log itself, or an external cluster. */
export interface FaultTexts {
  readonly aheadOfLog: (position: number, end: number) => string;
  readonly recordsMissing: (from: number, to: number) => string;
}

export const logFaultTexts: FaultTexts = {
  aheadOfLog: (position, end) => `cursor ${position} is beyond the log end offset ${end}`,
  recordsMissing: (from, to) => `records ${from} to ${to} were deleted from the log`,
};

/** How far a partition is, and the first record that it still needs. A stateful stage rebuilds its state from records below its cursor. */
export interface PartitionProgressOffsets {
  readonly committed: number;
  readonly position: number;
}

/**
 * Why a partition cannot go on: its cursor lies beyond the end of the log (T6102), or retention has deleted records it needs (T6101).
 * Holes left by control records and compaction are no fault.
 */
export function positionFault(
  { committed, position }: PartitionProgressOffsets,
  { low, high }: Pick<PartitionOffsets, 'low' | 'high'>,
  texts: FaultTexts = logFaultTexts,
): PartitionFault | undefined {
  const reached = Math.max(committed, position);
  if (reached > high) return { code: 'T6102', why: texts.aheadOfLog(reached, high) };
  return position < low ? { code: 'T6101', why: texts.recordsMissing(position, low - 1) } : undefined;
}
