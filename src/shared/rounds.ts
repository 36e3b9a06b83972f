/** Repeats `work`, at once and then with pauses of `ms` between an end and the next begin. `work` never rejects. */
export class Rounds {
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly ms: number,
    private readonly work: () => Promise<void>,
  ) {}

  start(): void {
    void this.#round();
  }

  /** No round begins any more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #round(): Promise<void> {
    await this.work();
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#round(), this.ms).unref();
  }
}

/** What `ask` answers; nothing where it fails, for questions whose failure somebody else tells of. */
export async function known<T>(ask: () => Promise<T[]>): Promise<T[]> {
  try {
    return await ask();
  } catch {
    return [];
  }
}
