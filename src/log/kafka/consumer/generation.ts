/** Resolves when the work is done, however it ended, or after so many milliseconds. Answers whether it was done. */
export async function settlesWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), ms)));
  const done = work.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([done, timedOut]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * One generation of the group as a member lives it. It is over as soon as the broker says so or the member stops: from then on no batch
 * begins, and a running one may take a while to end, but does not hold up the group for ever.
 */
export class Generation {
  /** The batches that run; each with how to give it up. */
  readonly #running = new Map<Promise<unknown>, () => void>();
  #timer: NodeJS.Timeout | undefined;
  #endReason: unknown;

  constructor(
    readonly id: number,
    private readonly handoverMs: number,
  ) {}

  /** Why it is over: an error of the broker, or a word of ours. */
  get endReason(): unknown {
    return this.#endReason;
  }

  get isBusy(): boolean {
    return this.#running.size > 0;
  }

  end(reason: unknown): void {
    if (this.#endReason !== undefined) return;
    this.#endReason = reason;
    if (this.isBusy) this.#timer = setTimeout(() => this.abandon(), this.handoverMs);
  }

  /** Nobody waits any longer for what still runs. */
  abandon(): void {
    for (const abandon of this.#running.values()) abandon();
  }

  /** Waits for a batch. False when it has been given up because others wait: it may still end, and then the fence decides. Rejects as it does. */
  async run(batch: Promise<void>): Promise<boolean> {
    try {
      return await new Promise((resolve, reject) => {
        this.#running.set(batch, () => resolve(false));
        batch.then(() => resolve(true), reject);
      });
    } finally {
      this.#running.delete(batch);
      if (!this.isBusy) clearTimeout(this.#timer);
    }
  }

  /** After the end: resolves when no batch runs any more, or those that do have been given up. */
  async settled(): Promise<void> {
    const runs = [...this.#running].map(
      ([batch, abandon]) =>
        new Promise<void>((resolve) => {
          this.#running.set(batch, () => (abandon(), resolve()));
          batch.then(
            () => resolve(),
            () => resolve(),
          );
        }),
    );
    await Promise.all(runs);
  }
}
