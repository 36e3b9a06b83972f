interface Waiter {
  readonly bytes: number;
  readonly enter: (hasRoom: boolean) => void;
}

/** Memory that may be used for records on their way. Who finds no room waits in line, so that nobody is overtaken. */
export class ByteBudget {
  #used = 0;
  readonly #line: Waiter[] = [];

  constructor(private readonly bytes: number) {}

  get used(): number {
    return this.#used;
  }

  /**
   * Takes room at once and answers undefined, or answers when there is room; false when there was none within `timeoutMs`.
   * What is larger than the whole budget enters when it is empty.
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

  /** Sends away everybody who waits. */
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
