import type { Rule } from './rules.js';

/** Series that are stored together: 2 to the power of BLOCK_BITS. */
const BLOCK_BITS = 10;
export const BLOCK = 1 << BLOCK_BITS;
const FIRST_CAPACITY = 16;
/** Wrong guesses after which only every SELDOMth is tried. */
const PATIENCE = 16;
const SELDOM = 64;

type Cells = Float64Array | Uint32Array | Uint8Array;

/** What a series has in a column: one cell, or several. */
type Per = 'series' | 'slot' | 'word';

/** Every column in the order in which snapshots hold them; `empty` is what a new series has. A change here changes the snapshot's format. */
const columns = [
  { name: 'watermark', per: 'series', empty: -Infinity },
  { name: 'closedThrough', per: 'series', empty: -Infinity },
  { name: 'oldest', per: 'series', empty: Infinity },
  { name: 'touched', per: 'series', empty: 0 },
  { name: 'lastEnd', per: 'series', empty: -Infinity },
  { name: 'severity', per: 'series', empty: 0 },
  { name: 'transition', per: 'series', empty: 0 },
  { name: 'version', per: 'series', empty: 0 },
  { name: 'streak', per: 'series', empty: 0 },
  { name: 'begin', per: 'series', empty: 0 },
  { name: 'told', per: 'series', empty: 0 },
  { name: 'windows', per: 'word', empty: 0 },
  { name: 'counts', per: 'slot', empty: 0 },
  { name: 'values', per: 'slot', empty: 0 },
  { name: 'times', per: 'slot', empty: 0 },
] as const satisfies readonly { name: string; per: Per; empty: number }[];

type ColumnName = (typeof columns)[number]['name'];

/** One column of some consecutive series: its bytes in place, and what a cell of a new series holds. */
export interface Slice {
  readonly cells: Cells;
  readonly empty: number;
}

/** The series of one rule, by number in order of their first observation; a column each for everything that is known of them. */
export class SeriesColumns {
  /** Text of each series. */
  readonly texts: string[] = [];
  readonly #numbers = new Map<string, number>();
  #capacity = 0;
  /** Which series came after each one when it came last. */
  #successor = new Uint32Array(1);
  #last = 0;
  /** Wrong guesses in a row. */
  #misses = 0;
  /** Per block: its columns changed. */
  #dirty = new Uint8Array(1);
  /** The blocks from here on have new series. */
  #texted = 0;

  /** Greatest timestamp (ms) accepted. */
  watermark = new Float64Array(0);
  /** First period after the latest closed one. */
  closedThrough = new Float64Array(0);
  /** Period of the oldest open bucket; Infinity when none is open. */
  oldest = new Float64Array(0);
  /** The partition's clock at the latest accepted observation. */
  touched = new Float64Array(0);
  /** Time (ms) of the latest end of an alert. */
  lastEnd = new Float64Array(0);

  /** Severity of the open alert; 0 when none is open, and then the next five mean nothing. */
  severity = new Uint8Array(0);
  /** Number of its last message. */
  transition = new Uint32Array(0);
  /** Version of the strategy at its birth. */
  version = new Uint32Array(0);
  /** Periods without its condition. */
  streak = new Uint32Array(0);
  /** Its begin_time (ms). */
  begin = new Float64Array(0);
  /** Time (ms) of its last message. */
  told = new Float64Array(0);

  /** Anomalies by level, see windows.ts. */
  windows = new Uint32Array(0);
  /** Open buckets by period modulo slots: how many values, what they come to, and for LAST the timestamp of the value. */
  counts = new Uint32Array(0);
  values = new Float64Array(0);
  times = new Float64Array(0);

  /** Cells of a series in each column. */
  readonly #widths: Readonly<Record<ColumnName, number>>;

  constructor({ slots, words, query }: Pick<Rule, 'slots' | 'words' | 'query'>) {
    const widths = { series: 1, slot: slots, word: words };
    const width = (name: string, per: Per): number => (name === 'times' && query.aggregation !== 'LAST' ? 0 : widths[per]);
    this.#widths = Object.fromEntries(columns.map(({ name, per }) => [name, width(name, per)])) as Record<ColumnName, number>;
  }

  get size(): number {
    return this.texts.length;
  }

  /**
   * The number of a series; a new one gets the next. Most senders repeat their order, so the one that followed last time is tried first:
   * at 100,000 series a right guess makes the whole fold of an event five times faster. Where guesses fail, few are made.
   */
  numberOf(text: string): number {
    const last = this.#last;
    if (this.#misses < PATIENCE || this.#misses % SELDOM === 0) {
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
    if (id === this.#capacity) this.#grow();
    this.texts.push(text);
    this.#numbers.set(text, id);
    this.#texted = Math.min(this.#texted, blockOf(id));
    return id;
  }

  #grow(): void {
    this.#capacity = Math.max(FIRST_CAPACITY, this.#capacity * 2);
    for (const { name, empty } of columns) Object.assign(this, { [name]: grown(this[name], this.#capacity * this.#widths[name], empty) });
    this.#successor = grown(this.#successor, this.#capacity, 0);
    this.#dirty = grown(this.#dirty, blockOf(this.#capacity - 1) + 1, 0);
  }

  /** Notes that the columns of a series have changed. */
  touch(id: number): void {
    this.#dirty[blockOf(id)] = 1;
  }

  /** Numbers of the blocks whose columns (or texts) have changed since {@link markClean}. */
  dirtyBlocks(): { columns: number[]; texts: number[] } {
    const blocks = [...this.#dirty.keys()].slice(0, this.blocks);
    return { columns: blocks.filter((block) => this.#dirty[block]), texts: blocks.slice(this.#texted) };
  }

  get blocks(): number {
    return Math.ceil(this.size / BLOCK);
  }

  markClean(): void {
    this.#dirty.fill(0);
    // The last block stays open for new series unless it is full; adding one lowers the mark again.
    this.#texted = this.blocks;
  }

  /** The columns of a block, as views of the memory itself. */
  slices(block: number): Slice[] {
    const first = block * BLOCK;
    const last = Math.min(first + BLOCK, this.size);
    return columns.map(({ name, empty }) => ({ cells: this[name].subarray(first * this.#widths[name], last * this.#widths[name]), empty }));
  }
}

const blockOf = (id: number): number => id >>> BLOCK_BITS;

function grown<T extends Cells>(cells: T, length: number, empty: number): T {
  const larger = new (cells.constructor as new (length: number) => T)(length);
  larger.fill(empty);
  larger.set(cells);
  return larger;
}
