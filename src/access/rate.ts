/** Rate limit of a sender: sustained rate and burst. */
export interface RateLimit {
  readonly events_per_second: number;
  /** Default: the events of one second. */
  readonly burst?: number | undefined;
}

/** Tolerance for rounding errors of floating-point sums. */
const EXACT = 1e-6;

/**
 * Token bucket: it fills with `events_per_second` up to `burst`. A request is admitted when the bucket has enough tokens, or is full; tokens
 * taken beyond that are a debt that later requests wait for. A request larger than the bucket therefore passes, and the average rate is kept.
 */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  constructor(rate: RateLimit, now: number) {
    this.#perMs = rate.events_per_second / 1000;
    this.#burst = Math.max(1, rate.burst ?? rate.events_per_second);
    this.#tokens = this.#burst;
    this.#at = now;
  }

  /** Milliseconds until this number of events is admitted; 0 when they are admitted now. Takes no tokens. */
  wait(events: number, now: number): number {
    this.#fill(now);
    const missing = Math.min(events, this.#burst) - this.#tokens;
    return missing <= EXACT ? 0 : Math.ceil((missing - EXACT) / this.#perMs);
  }

  /** Takes tokens if the events are admitted; otherwise takes none and returns the time to wait, as {@link wait}. */
  take(events: number, now: number): number {
    const wait = this.wait(events, now);
    if (wait === 0) this.#tokens -= events;
    return wait;
  }

  #fill(now: number): void {
    // A clock that was set back adds no tokens.
    this.#tokens = Math.min(this.#burst, this.#tokens + Math.max(0, now - this.#at) * this.#perMs);
    this.#at = now;
  }
}
