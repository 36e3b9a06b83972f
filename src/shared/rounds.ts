/** Repeats `work` with pauses of `ms` between an end and the next begin. `work` never rejects. */
export class Rounds {
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly ms: number,
    private readonly work: () => Promise<void>,
  ) {}

  /** The first round begins at once. */
  start(): void {
    void this.#round();
  }

  /** The first round begins after a pause. */
  startLater(): void {
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#round(), this.ms).unref();
  }

  /** No round begins any more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #round(): Promise<void> {
    await this.work();
    this.startLater();
  }
}
