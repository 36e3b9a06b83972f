/** Settings of {@link PoisonLimit}. */
export interface PoisonLimits {
  /** Number of latest records in the window. */
  readonly window: number;
  /** Allowed share of poison records in the window, in percent. */
  readonly percent: number;
  /** Number of consecutive poison records that halts the partition. */
  readonly run: number;
}

/**
 * Detects a poison rate so high that the consumer, not the senders, is probably at fault: a bad deploy must not move a whole topic to the
 * dead letters. Evaluated after each batch.
 */
export class PoisonLimit {
  #recent: boolean[] = [];
  #run = 0;

  constructor(private readonly limits: PoisonLimits) {}

  /** Adds outcomes of records in order; returns why the partition must halt, or undefined. */
  note(outcomes: readonly boolean[]): string | undefined {
    const { window, percent, run } = this.limits;
    let longest = 0;
    for (const poison of outcomes) {
      this.#run = poison ? this.#run + 1 : 0;
      longest = Math.max(longest, this.#run);
    }
    this.#recent = [...this.#recent, ...outcomes].slice(-window);
    if (longest >= run) return `${longest} consecutive poison records`;
    const bad = this.#recent.filter(Boolean).length;
    if (this.#recent.length >= window && bad * 100 > window * percent) return `${bad} of the last ${window} records are poison`;
    return undefined;
  }
}
