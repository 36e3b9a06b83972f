import type { ErrorCode } from '../shared/errors.js';
import type { SkipReason } from './rejection.js';

/** Endpoint by which events arrive; `kafka` stands for Kafka sources. */
export type IngestEndpoint = 'events' | 'remote_write' | 'alertmanager' | 'bk_report' | 'cloudevents' | 'ingest' | 'kafka';

/** Why a valid item is not published: it makes no event, it is too old, or a degrade switch drops it. */
export type DropReason = SkipReason | 'expired' | 'degraded';

/** Counters since the start of the process; only `pending` is a gauge. */
export interface AccessCounts {
  /** Events that the log acknowledged, by endpoint. */
  readonly accepted: Record<IngestEndpoint, number>;
  /** Rejected items, by error code. */
  readonly rejected: Partial<Record<ErrorCode, number>>;
  /** Requests rejected as a whole (T1201, T1202, T1301, T1302, authentication errors), by error code. */
  readonly refused: Partial<Record<ErrorCode, number>>;
  /** Valid items that were dropped, by reason. */
  readonly dropped: Record<DropReason, number>;
  /** Events with a timestamp in the future, which was set to now. */
  clamped: number;
  /** Events that wait for the acknowledgement of the log. */
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
