import type { ErrorCode } from '../shared/errors.js';
import type { Dropped } from './remote-write.js';

/** Where events come in. */
export type Door = 'events' | 'remote_write' | 'alertmanager';

/** What has come in since the start, for the metrics: plain numbers that only grow, except `pending`. */
export interface AccessCounts {
  /** Events that the log has, by door. */
  readonly accepted: Record<Door, number>;
  /** Items that were refused, by the code of the reason. */
  readonly rejected: Partial<Record<ErrorCode, number>>;
  /** Requests that were turned away with everything in them (T1201, T1202), by code. */
  readonly refused: Partial<Record<ErrorCode, number>>;
  /** Remote write samples that make no event, by reason. */
  readonly dropped: Record<Dropped, number>;
  /** Events whose time lay in the future and became now. */
  clamped: number;
  /** Events that wait for the log at the moment. */
  pending: number;
}

/** Counts that start at zero. */
export function noCounts(): AccessCounts {
  return {
    accepted: { events: 0, remote_write: 0, alertmanager: 0 },
    rejected: {},
    refused: {},
    dropped: { stale: 0, nan: 0, infinite: 0, histogram: 0 },
    clamped: 0,
    pending: 0,
  };
}

/** Adds to the count of a code. */
export function count(counts: Partial<Record<ErrorCode, number>>, code: ErrorCode, by = 1): void {
  counts[code] = (counts[code] ?? 0) + by;
}
