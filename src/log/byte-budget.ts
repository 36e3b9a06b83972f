interface Waiter {
  readonly bytes: number;
  readonly enter: (hasRoom: boolean) => void;
}

/** Memory limit for records in flight. Requests that do not fit wait in a FIFO queue, so that a small one never overtakes a large one. */
export class ByteBudget {
  #used = 0;
  readonly #line: Waiter[] = [];

  constructor(private readonly bytes: number) {}

  get used(): number {
    return this.#used;
  }

  /**
   * Reserves bytes: returns undefined when they fit at once, else a promise of true once they are reserved, or of false after `timeoutMs`.
   * A request larger than the whole budget is admitted when the budget is unused.
   */
  take(bytes: number, timeoutMs: number): Promise<boolean> | undefined {
    if (this.#line.length === 0 && this.#hasRoom(bytes)) {
      this.#used += bytes;
      return undefined;
    }
    return new Promise((resolve) => {
      const waiter: Waiter = {
        bytes,
        enter: (hasRoom) => {
          clearTimeout(timer);
          resolve(hasRoom);
        },
      };
      const timer = setTimeout(() => {
        this.#line.splice(this.#line.indexOf(waiter), 1);
        resolve(false);
        this.#admit();
      }, timeoutMs);
      this.#line.push(waiter);
    });
  }

  give(bytes: number): void {
    this.#used -= bytes;
    this.#admit();
  }

  /** Ends every waiting request: its promise resolves to false. */
  close(): void {
    for (const { enter } of this.#line.splice(0)) enter(false);
  }

  #hasRoom(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.bytes;
  }

  #admit(): void {
    while (this.#line[0] && this.#hasRoom(this.#line[0].bytes)) {
      const { bytes, enter } = this.#line.shift()!;
      this.#used += bytes;
      enter(true);
    }
  }
}
