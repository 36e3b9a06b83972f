import type { ErrorCode } from '../../shared/errors.js';
import type { PartitionOffsets } from '../event-log.js';

/** Why a partition is halted until an operator decides. */
export interface PartitionFault {
  readonly code: ErrorCode;
  readonly why: string;
}

/** Texts of position faults; they differ between the event log and an external cluster. */
export interface FaultTexts {
  readonly aheadOfLog: (position: number, end: number) => string;
  readonly recordsMissing: (from: number, to: number) => string;
}

export const logFaultTexts: FaultTexts = {
  aheadOfLog: (position, end) => `cursor ${position} is beyond the log end offset ${end}`,
  recordsMissing: (from, to) => `records ${from} to ${to} were deleted from the log`,
};

/** Committed offset of a partition, and the first record it still needs: a stateful stage rebuilds its state from records below its cursor. */
export interface PartitionProgressOffsets {
  readonly committed: number;
  readonly position: number;
}

/**
 * Why a partition must halt: its cursor is beyond the end of the log (T6102), or retention has deleted records it needs (T6101).
 * Gaps from control records and compaction are not a fault.
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
