import { blockOf, grownCells, SERIES_PER_BLOCK } from './column-table.js';

/** Wrong guesses in a row after which only every GUESS_EVERYth lookup guesses. */
const MAX_MISSES = 16;
const GUESS_EVERY = 64;

/** The series of one rule: a number for each text, in order of first observation. */
export class SeriesIndex {
  /** Text of each series. */
  readonly texts: string[] = [];
  readonly #numbers = new Map<string, number>();
  /** By series: the series that followed it the last time. */
  #successor = new Uint32Array(1);
  #last = 0;
  /** Wrong guesses in a row. */
  #misses = 0;
  /** The blocks from here on have series that are not stored yet. */
  #firstDirtyBlock = 0;

  get size(): number {
    return this.texts.length;
  }

  get blocks(): number {
    return Math.ceil(this.size / SERIES_PER_BLOCK);
  }

  /**
   * The number of a series; a new text gets the next number, {@link size} as it was before. Senders mostly send their series in the same order
   * each time, so the series that followed the last one the time before is tried first: that is five times faster than hashing the text.
   */
  numberOf(text: string): number {
    const last = this.#last;
    if (this.#misses < MAX_MISSES || this.#misses % GUESS_EVERY === 0) {
      const guess = this.#successor[last]!;
      if (this.texts[guess] === text) {
        this.#misses = 0;
        return (this.#last = guess);
      }
    }
    this.#misses++;
    const id = this.#numbers.get(text) ?? this.#add(text);
    this.#successor[last] = id;
    return (this.#last = id);
  }

  #add(text: string): number {
    const id = this.size;
    if (id >= this.#successor.length) this.#successor = grownCells(this.#successor, this.#successor.length * 2, 0);
    this.texts.push(text);
    this.#numbers.set(text, id);
    this.#firstDirtyBlock = Math.min(this.#firstDirtyBlock, blockOf(id));
    return id;
  }

  /** Numbers of the blocks whose texts changed since {@link markClean}. */
  dirtyBlocks(): number[] {
    return Array.from({ length: this.blocks - this.#firstDirtyBlock }, (_, index) => this.#firstDirtyBlock + index);
  }

  markClean(): void {
    // The last block stays open for new series unless it is full; adding one lowers the mark again.
    this.#firstDirtyBlock = this.blocks;
  }

  /** The texts of a block. */
  textsOf(block: number): string[] {
    return this.texts.slice(block * SERIES_PER_BLOCK, (block + 1) * SERIES_PER_BLOCK);
  }
}
