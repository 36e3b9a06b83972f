/** Settings of {@link PoisonLimit}. */
export interface PoisonLimits {
  /** Records that are looked back on. */
  readonly window: number;
  /** Share of them that may be poison, in percent. */
  readonly percent: number;
  /** Poison records in a row that are too many. */
  readonly run: number;
}

/**
 * When so much of a partition is poison that the fault is ours and not the senders': a bad deploy must not drain a topic into the bin.
 * Looked at after each batch.
 */
export class PoisonLimit {
  #recent: boolean[] = [];
  #run = 0;

  constructor(private readonly limits: PoisonLimits) {}

  /** Notes the outcome of some records in order; answers why the partition must stop, or undefined. */
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
