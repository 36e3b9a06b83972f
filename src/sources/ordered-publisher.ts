interface PendingItems<T> {
  readonly items: readonly T[];
  readonly done: () => void;
}

export interface OrderedPublisherOptions<T> {
  /** Resolves when the items are durable; after a rejection it is called again with the same items. */
  readonly publish: (items: readonly T[]) => Promise<void>;
  /** Waits before the next attempt; `failures` counts the failures in a row. */
  readonly wait: (failures: number, error: unknown) => Promise<void>;
  /** Maximum number of items in one publish; a single push may exceed it. */
  readonly most: number;
}

/**
 * Publishes items to one destination in order: one publish at a time, and everything pushed meanwhile goes into the next one. A failed publish is
 * retried until it succeeds, so nothing overtakes it; items that it had already published are duplicated, but stay in order.
 */
export class OrderedPublisher<T> {
  #waiting: PendingItems<T>[] = [];
  #running = false;
  #closed = false;

  constructor(private readonly options: OrderedPublisherOptions<T>) {}

  /** `done` is called once the items, and all items pushed before, are published; never after {@link close}. */
  push(items: readonly T[], done: () => void): void {
    this.#waiting.push({ items, done });
    if (!this.#running) void this.#run();
  }

  /** Discards the items that are not published yet. */
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
