/** Bounds of the delay between attempts (ms). */
export interface RetryPolicy {
  /** First delay; doubles with every failure. */
  readonly firstMs: number;
  readonly mostMs: number;
}

/**
 * Capped exponential backoff with jitter: milliseconds to wait after the `failures`-th failure in a row (1, 2, 3 …), between half and all of
 * the ceiling. `random` is in [0, 1).
 */
export function backoff(failures: number, random: number, first = 100, most = 5_000): number {
  const ceiling = Math.min(most, first * 2 ** Math.min(failures - 1, 30));
  return Math.round((ceiling / 2) * (1 + random));
}

/** Maximum delay (ms) that a receiver can request. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/** {@link backoff} by a policy; never less than `retryAfterMs`, the delay that the receiver requested, up to an hour. */
export function retryDelay(failures: number, { firstMs, mostMs }: RetryPolicy, random: number, retryAfterMs = 0): number {
  return Math.max(backoff(failures, random, firstMs, mostMs), Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
}

/** Milliseconds of a Retry-After header (seconds or an HTTP date, RFC 9110 10.2.3); undefined when it is neither. */
export function retryAfter(header: string, now: number): number | undefined {
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
