import type { Bounds, Target } from './position.js';

/** Records [from, end) of a partition. */
export interface ReplayRange {
  readonly partition: number;
  readonly from: number;
  readonly end: number;
  /** The requested end was beyond the log end and was clamped. */
  readonly cut: boolean;
}

/** Facts about a partition that determine a range. */
export interface RangeBounds extends Omit<Bounds, 'current' | 'at'> {
  readonly partition: number;
  /** Timestamp (epoch ms) of the oldest retained record; undefined when the partition is empty. */
  readonly oldest: number | undefined;
  /** For timestamps: offset of the first record at or after `from`, and of the first one after `to`. */
  readonly fromAt?: number | undefined;
  readonly afterTo?: number | undefined;
}

/**
 * Resolves the range from `from` to `to` in a partition, both inclusive, or returns the reason for rejection: records before the log start were
 * deleted, and a replay that omits them silently would give wrong results.
 */
export function rangeOf(from: Target, to: Target, bounds: RangeBounds): ReplayRange | { readonly refused: string } {
  const { partition, low, high, oldest } = bounds;
  const beginning = `partition ${partition} begins at offset ${low}${oldest === undefined ? '' : `, ${new Date(oldest).toISOString()}`}`;
  if (from.kind === 'shift' || to.kind === 'shift') return { refused: 'shift is not allowed in a range' };
  if (from.kind === 'timestamp' && low > 0 && oldest !== undefined && from.time < oldest) return { refused: beginning };
  const start = startOf(from, bounds);
  if (start < low) return { refused: beginning };
  const requestedEnd = endOf(to, bounds);
  if (requestedEnd < start && from.kind !== 'timestamp')
    return { refused: `partition ${partition}: start ${start} is after end ${requestedEnd - 1}` };
  const end = Math.max(start, Math.min(requestedEnd, high));
  return start > high ? { refused: `partition ${partition} ends at offset ${high}` } : { partition, from: start, end, cut: requestedEnd > high };
}

type Fixed = Exclude<Target, { kind: 'shift' }>;

function startOf(from: Fixed, { low, high, fromAt }: RangeBounds): number {
  if (from.kind === 'offset') return from.offset;
  if (from.kind === 'tail') return Math.max(low, high - from.count);
  if (from.kind === 'timestamp') return fromAt ?? high;
  return from.kind === 'earliest' ? low : high;
}

function endOf(to: Fixed, { low, high, afterTo }: RangeBounds): number {
  if (to.kind === 'offset') return to.offset + 1;
  if (to.kind === 'tail') return Math.max(low, high - to.count);
  if (to.kind === 'timestamp') return afterTo ?? high;
  return to.kind === 'earliest' ? low : high;
}
