/** One generation of the group, from the view of a member. After its end no batch starts, and a running one has a limited time to finish. */
export class Generation {
  /** Running batches, with the function that abandons each. */
  readonly #running = new Map<Promise<unknown>, () => void>();
  #timer: NodeJS.Timeout | undefined;
  #endReason: unknown;

  constructor(
    readonly id: number,
    private readonly drainMs: number,
  ) {}

  /** Why it ended: a broker error or a local reason. */
  get endReason(): unknown {
    return this.#endReason;
  }

  get isBusy(): boolean {
    return this.#running.size > 0;
  }

  end(reason: unknown): void {
    if (this.#endReason !== undefined) return;
    this.#endReason = reason;
    if (this.isBusy) this.#timer = setTimeout(() => this.abandon(), this.drainMs);
  }

  /** Stops waiting for the running batches. */
  abandon(): void {
    for (const abandon of this.#running.values()) abandon();
  }

  /** Waits for a batch. False when it was abandoned: it may still finish, and then fencing decides. Rejects when the batch rejects. */
  async run(batch: Promise<unknown>): Promise<boolean> {
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

  /** Call after the end. Resolves when all running batches have finished or been abandoned. */
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
