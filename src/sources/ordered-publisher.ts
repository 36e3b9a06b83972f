interface PendingItems<T> {
  readonly items: readonly T[];
  readonly done: () => void;
}

export interface OrderedPublisherOptions<T> {
  /** Resolves when the items are there for good; a rejection is tried again with the same items. */
  readonly publish: (items: readonly T[]) => Promise<void>;
  /** Waits after so many failures in a row. */
  readonly wait: (failures: number, error: unknown) => Promise<void>;
  /** Most items in one publish, unless a single push has more. */
  readonly most: number;
}

/**
 * What goes to one place in order: one publish at a time, and all that came meanwhile together in the next one. A publish that fails is repeated until
 * it works, so nothing overtakes it; what it had done already comes a second time next to itself, never out of order.
 */
export class OrderedPublisher<T> {
  #waiting: PendingItems<T>[] = [];
  #running = false;
  #closed = false;

  constructor(private readonly options: OrderedPublisherOptions<T>) {}

  /** `done` is called once the items, and all pushed before, are there. Never after {@link close}. */
  push(items: readonly T[], done: () => void): void {
    this.#waiting.push({ items, done });
    if (!this.#running) void this.#run();
  }

  /** Gives up what was not yet published. */
  close(): void {
    this.#closed = true;
    this.#waiting = [];
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      const parcels = this.#take();
      await this.#untilPublished(parcels.length === 1 ? parcels[0]!.items : parcels.flatMap(({ items }) => items));
      if (!this.#closed) for (const { done } of parcels) done();
    }
    this.#running = false;
  }

  #take(): PendingItems<T>[] {
    let items = 0;
    const count = this.#waiting.findIndex(
      (parcel, index) => index > 0 && (items += this.#waiting[index - 1]!.items.length) + parcel.items.length > this.options.most,
    );
    return this.#waiting.splice(0, count === -1 ? this.#waiting.length : count);
  }

  async #untilPublished(items: readonly T[]): Promise<void> {
    for (let failures = 1; !this.#closed; failures++) {
      try {
        await this.options.publish(items);
        return;
      } catch (error) {
        await this.options.wait(failures, error);
      }
    }
  }
}
