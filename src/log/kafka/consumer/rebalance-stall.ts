/**
 * Time without progress around a rebalance: from the stop of processing until the first record that was waiting is processed, or until all
 * partitions are ready while no record was waiting. Times are epoch milliseconds.
 */
export class RebalanceStall {
  #from: number | undefined;
  #readyAt: number | undefined;

  stopped(now: number): void {
    this.#from ??= now;
    this.#readyAt = undefined;
  }

  /** All partitions have started. */
  ready(now: number): void {
    if (this.#from !== undefined) this.#readyAt ??= now;
  }

  /** A batch was processed whose first record has this timestamp. Returns the duration of the stall, if one ended. */
  handled(timestamp: number, now: number): number | undefined {
    const waited = this.#readyAt === undefined || timestamp <= this.#readyAt;
    return waited ? this.#over(now) : this.#over(this.#readyAt);
  }

  /** No record has arrived since `ready`. */
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
