/** Caches the raw_events partition of each key; entries expire because partitions may be added. */
export class KeyPartitions {
  readonly #partitions = new Map<string, number>();
  #until = 0;

  /** `learn` reads the partition of a key from the log; at most `most` keys are cached, for `ms`. */
  constructor(
    private readonly learn: (key: string) => Promise<number>,
    private readonly most = 10_000,
    private readonly ms = 60_000,
  ) {}

  of(key: string, now: number): number | Promise<number> {
    if (now >= this.#until || this.#partitions.size >= this.most) {
      this.#partitions.clear();
      this.#until = now + this.ms;
    }
    return this.#partitions.get(key) ?? this.#learn(key);
  }

  async #learn(key: string): Promise<number> {
    const partition = await this.learn(key);
    this.#partitions.set(key, partition);
    return partition;
  }
}
