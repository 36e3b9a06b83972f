/**
 * The time without progress around a rebalance: from the moment the member stopped until it has handled a record that was waiting, or
 * until it was ready while nothing waited. Times are epoch milliseconds.
 */
export class RebalanceStall {
  #from: number | undefined;
  #readyAt: number | undefined;

  stopped(now: number): void {
    this.#from ??= now;
    this.#readyAt = undefined;
  }

  /** Every partition has been claimed. */
  ready(now: number): void {
    if (this.#from !== undefined) this.#readyAt ??= now;
  }

  /** A batch has been handled whose first record the log got at `timestamp`. Answers how long the stall was, when there was one. */
  handled(timestamp: number, now: number): number | undefined {
    const waited = this.#readyAt === undefined || timestamp <= this.#readyAt;
    return waited ? this.#over(now) : this.#over(this.#readyAt);
  }

  /** Nothing has come since we were ready. */
  idle(): number | undefined {
    return this.#readyAt === undefined ? undefined : this.#over(this.#readyAt);
  }

  #over(at: number | undefined): number | undefined {
    if (this.#from === undefined || at === undefined) return undefined;
    const ms = at - this.#from;
    this.#from = undefined;
    this.#readyAt = undefined;
    return ms;
  }
}
