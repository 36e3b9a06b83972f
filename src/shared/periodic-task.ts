/** Repeats `work` with pauses of `ms` between an end and the next begin. `work` never rejects. */
export class Rounds {
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(
    private readonly ms: number,
    private readonly work: () => Promise<void>,
  ) {}

  /** The first round begins at once. */
  start(): void {
    this.#timer = undefined;
    this.#running = this.work().then(() => {
      this.#running = undefined;
      this.startLater();
    });
  }

  /** The first round begins after a pause; nothing when one is under way or will be. */
  startLater(): void {
    if (!this.#stopped && !this.#running) this.#timer ??= setTimeout(() => this.start(), this.ms).unref();
  }

  /** No round begins any more. Resolves when the one that is under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }
}
