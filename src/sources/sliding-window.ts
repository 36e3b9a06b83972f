interface Slot {
  readonly end: number;
  done: boolean;
}

/** Work on a partition that is done in any order, and how far it is done without a hole. Offsets only ever grow. */
export class SlidingWindow {
  readonly #slots: Slot[] = [];
  #position: number;
  #next: number;

  constructor(start: number) {
    this.#position = start;
    this.#next = start;
  }

  /** Everything below is done. */
  get position(): number {
    return this.#position;
  }

  /** Everything below is done or under way: from here on is to be read. */
  get next(): number {
    return this.#next;
  }

  /** How much is under way, or done behind something that is. */
  get size(): number {
    return this.#slots.length;
  }

  /** Work on everything from {@link next} to `end` begins; the answer is to be called when it is done. */
  open(end: number): () => void {
    if (end < this.#next) throw new Error(`window is at ${this.#next} and cannot move back to ${end}`);
    const slot: Slot = { end, done: false };
    this.#slots.push(slot);
    this.#next = end;
    return () => {
      slot.done = true;
      while (this.#slots[0]?.done) this.#position = this.#slots.shift()!.end;
    };
  }
}
