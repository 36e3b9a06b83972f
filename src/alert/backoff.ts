/** How patient we are with a receiver (ms). */
export interface Patience {
  /** First wait; doubles with every failure. */
  readonly firstMs: number;
  readonly mostMs: number;
  /** Time since the first try after which a notice is dead. */
  readonly giveUpMs: number;
}

/** A receiver may ask for more than our longest wait, but not for ever. */
const MOST_ASKED_MS = 3_600_000;

/**
 * Milliseconds to wait after the `attempt`-th try failed (1, 2, 3 …): exponential, capped, between half and all of it by `random` in [0, 1),
 * and never less than what the receiver asked for.
 */
export function retryDelay(attempt: number, { firstMs, mostMs }: Patience, random: number, askedMs = 0): number {
  const ceiling = Math.min(mostMs, firstMs * 2 ** Math.min(attempt - 1, 30));
  const own = Math.round((ceiling / 2) * (1 + random));
  return Math.max(own, Math.min(askedMs, MOST_ASKED_MS));
}

/** Milliseconds that a Retry-After header asks for (seconds or an HTTP date), or undefined when it makes no sense. */
export function retryAfter(header: string, now: number): number | undefined {
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
