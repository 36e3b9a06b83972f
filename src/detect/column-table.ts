/** Series that are stored together: 2 to the power of BLOCK_BITS. */
const BLOCK_BITS = 10;
export const SERIES_PER_BLOCK = 1 << BLOCK_BITS;

export type Cells = Float64Array | Uint32Array | Uint8Array;

/** Cells per series of a column, and the value of a cell of a new series. */
export interface ColumnShape {
  readonly width: number;
  readonly empty: number;
}

/** One column of consecutive series: a view of the cells in memory, and the value of a cell of a new series. */
export interface ColumnSlice {
  readonly cells: Cells;
  readonly empty: number;
}

/** Columns of numbers, a cell or several for each series of a rule, and which blocks of them changed. */
export class ColumnTable<Columns extends { [Name in keyof Columns]: Cells }> {
  /** Per block: cells changed since {@link markClean}. */
  #dirty = new Uint8Array(1);

  /** `cells` contains an empty array for each column. */
  constructor(
    readonly cells: Columns,
    private readonly shapes: Readonly<Record<keyof Columns, ColumnShape>>,
  ) {}

  /** Makes room for `capacity` series. */
  grow(capacity: number): void {
    for (const name of this.#names()) {
      const { width, empty } = this.shapes[name];
      this.cells[name] = grownCells(this.cells[name], capacity * width, empty);
    }
    this.#dirty = grownCells(this.#dirty, blockOf(capacity - 1) + 1, 0);
  }

  /** Notes that a cell of a series has changed. */
  touch(id: number): void {
    this.#dirty[blockOf(id)] = 1;
  }

  /** Numbers of the blocks that changed since {@link markClean}. */
  dirtyBlocks(): number[] {
    return [...this.#dirty.keys()].filter((block) => this.#dirty[block]);
  }

  markClean(): void {
    this.#dirty.fill(0);
  }

  /** A block of the first `size` series: the named columns in this order. */
  slices(names: readonly (keyof Columns)[], block: number, size: number): ColumnSlice[] {
    const first = block * SERIES_PER_BLOCK;
    const last = Math.min(first + SERIES_PER_BLOCK, size);
    return names.map((name) => {
      const { width, empty } = this.shapes[name];
      return { cells: this.cells[name].subarray(first * width, last * width), empty };
    });
  }

  #names(): (keyof Columns)[] {
    return Object.keys(this.cells) as (keyof Columns)[];
  }
}

export const blockOf = (id: number): number => id >>> BLOCK_BITS;

/** A longer copy, filled up with `empty`. */
export function grownCells<T extends Cells>(cells: T, length: number, empty: number): T {
  const larger = new (cells.constructor as new (length: number) => T)(length);
  larger.fill(empty);
  larger.set(cells);
  return larger;
}
