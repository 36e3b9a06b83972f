interface Slot {
  readonly end: number;
  done: boolean;
}

/** Tracks work on a partition that finishes in any order, and the end of its contiguous finished part. Offsets only increase. */
export class SlidingWindow {
  readonly #slots: Slot[] = [];
  #position: number;
  #next: number;

  constructor(start: number) {
    this.#position = start;
    this.#next = start;
  }

  /** All offsets below are done. */
  get position(): number {
    return this.#position;
  }

  /** All offsets below are done or in flight; reading continues here. */
  get next(): number {
    return this.#next;
  }

  /** Number of slots in flight, or done behind one in flight. */
  get size(): number {
    return this.#slots.length;
  }

  /** Opens a slot for all offsets from {@link next} to `end`; call the returned function when the work is done. */
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
