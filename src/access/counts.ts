import type { ErrorCode } from '../shared/errors.js';
import type { SkipReason } from './rejection.js';

/** Where events come in; `kafka` stands for the sources on clusters. */
export type IngestEndpoint = 'events' | 'remote_write' | 'alertmanager' | 'bk_report' | 'cloudevents' | 'ingest' | 'kafka';

/** Why something that was acceptable is not in the log: it makes no event, it is too old, or a degrade switch is on. */
export type DropReason = SkipReason | 'expired' | 'degraded';

/** What has come in since the start, for the metrics: plain numbers that only grow, except `pending`. */
export interface AccessCounts {
  /** Events that the log has, by door. */
  readonly accepted: Record<IngestEndpoint, number>;
  /** Items that were refused, by the code of the reason. */
  readonly rejected: Partial<Record<ErrorCode, number>>;
  /** Requests that were turned away with everything in them (T1201, T1202, T1301, T1302, and who may not come in), by code. */
  readonly refused: Partial<Record<ErrorCode, number>>;
  /** What was dropped although nothing is wrong with it, by reason. */
  readonly dropped: Record<DropReason, number>;
  /** Events whose time lay in the future and became now. */
  clamped: number;
  /** Events that wait for the log at the moment. */
  pending: number;
}

/** Counts that start at zero. */
export function noCounts(): AccessCounts {
  return {
    accepted: { events: 0, remote_write: 0, alertmanager: 0, bk_report: 0, cloudevents: 0, ingest: 0, kafka: 0 },
    rejected: {},
    refused: {},
    dropped: { stale: 0, nan: 0, infinite: 0, histogram: 0, expired: 0, degraded: 0 },
    clamped: 0,
    pending: 0,
  };
}

/** Adds to a count. */
export function increment<K extends string>(counts: Partial<Record<K, number>>, key: K, by = 1): void {
  counts[key] = ((counts[key] as number | undefined) ?? 0) + by;
}
