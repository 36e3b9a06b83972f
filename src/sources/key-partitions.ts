/** Which partition of raw_events a key has, remembered for a while: the log may get more partitions. */
export class KeyPartitions {
  readonly #partitions = new Map<string, number>();
  #until = 0;

  /** `learn` asks the log; at most `most` keys are remembered, for `ms`. */
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
