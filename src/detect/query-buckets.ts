import type { EmitAlert } from './alert-draft.js';
import { ColumnTable } from './column-table.js';
import { MAX_OPEN_BUCKETS, type RuleQuery } from './rules.js';

/** Receives each bucket of a query when it closes; `period` is its start in intervals. */
export type BucketClosed = (query: number, id: number, period: number, value: number, emit: EmitAlert) => void;

export interface BucketColumns {
  /** Greatest timestamp (ms) accepted. */
  watermark: Float64Array;
  /** First period after the latest closed one. */
  closedThrough: Float64Array;
  /** Period of the oldest open bucket; Infinity when none is open. */
  oldest: Float64Array;
  /** The partition's clock at the latest accepted observation. */
  observedAt: Float64Array;
  /** Open buckets by period modulo slots: number of values, their aggregate, and for LAST the timestamp of the value. */
  counts: Uint32Array;
  values: Float64Array;
  times: Float64Array;
}

function bucketTable({ slots, aggregation }: RuleQuery): ColumnTable<BucketColumns> {
  const cells = {
    watermark: new Float64Array(0),
    closedThrough: new Float64Array(0),
    oldest: new Float64Array(0),
    observedAt: new Float64Array(0),
    counts: new Uint32Array(0),
    values: new Float64Array(0),
    times: new Float64Array(0),
  };
  return new ColumnTable<BucketColumns>(cells, {
    watermark: { width: 1, empty: -Infinity },
    closedThrough: { width: 1, empty: -Infinity },
    oldest: { width: 1, empty: Infinity },
    observedAt: { width: 1, empty: 0 },
    counts: { width: slots, empty: 0 },
    values: { width: slots, empty: 0 },
    times: { width: aggregation === 'LAST' ? slots : 0, empty: 0 },
  });
}

/**
 * The first cut: tumbling buckets of one query, for every series of its rule (docs/detect.md section 3). A bucket that closes goes to `closed`,
 * the oldest of its series first.
 */
export class QueryBuckets {
  readonly table: ColumnTable<BucketColumns>;
  readonly #cells: BucketColumns;
  /** Series with open buckets. */
  #open = 0;
  /** Time without observations (ms on the partition's clock) after which a tick closes the open buckets of a series. */
  readonly idleTimeout: number;

  constructor(
    private readonly query: RuleQuery,
    private readonly closed: BucketClosed,
  ) {
    this.table = bucketTable(query);
    this.#cells = this.table.cells;
    this.idleTimeout = query.interval + query.lateness;
  }

  /** Number of series with open buckets. */
  get open(): number {
    return this.#open;
  }

  /** Derives the counters from the columns of the first `size` series, after they were filled from a checkpoint. */
  recount(size: number): void {
    this.#open = this.#cells.oldest.subarray(0, size).reduce((count, period) => count + (period === Infinity ? 0 : 1), 0);
  }

  /** Adds an observation to its bucket, and closes the buckets that are due then. */
  observe(id: number, timestamp: number, value: number, clock: number, emit: EmitAlert): 'observed' | 'late' {
    const { interval, lateness } = this.query;
    const cells = this.#cells;
    const period = Math.floor(timestamp / interval);
    const watermark = cells.watermark[id]!;
    if (period < cells.closedThrough[id]! || period <= Math.floor(watermark / interval) - MAX_OPEN_BUCKETS) return 'late';
    cells.observedAt[id] = clock;
    this.table.touch(id);
    if (timestamp > watermark) {
      cells.watermark[id] = timestamp;
      const due = Math.max(Math.floor((timestamp - lateness) / interval) - 1, period - MAX_OPEN_BUCKETS);
      while (cells.oldest[id]! <= due) this.#closeOldest(id, emit);
    } else if ((period + 1) * interval + lateness <= watermark) {
      // The bucket is due as soon as it opens, and older than every other one.
      cells.closedThrough[id] = period + 1;
      this.closed(this.query.index, id, period, this.query.aggregation === 'COUNT' ? 1 : value, emit);
      return 'observed';
    }
    if (cells.oldest[id] === Infinity) this.#open++;
    this.#add(id, period, timestamp, value);
    return 'observed';
  }

  /** Marks each series whose open buckets are due because it is idle; returns when the next one is due. */
  markIdle(size: number, clock: number, marks: Uint8Array): number {
    const { oldest, observedAt } = this.#cells;
    const idleSince = clock - this.idleTimeout;
    let earliest = Infinity;
    for (let id = 0; id < size; id++) {
      if (oldest[id] === Infinity) continue;
      const observed = observedAt[id]!;
      if (observed <= idleSince) marks[id] = 1;
      else if (observed < earliest) earliest = observed;
    }
    return earliest + this.idleTimeout;
  }

  isIdle(id: number, clock: number): boolean {
    return this.#cells.oldest[id] !== Infinity && this.#cells.observedAt[id]! <= clock - this.idleTimeout;
  }

  /** Closes all open buckets of a series, oldest first. */
  closeAll(id: number, emit: EmitAlert): void {
    const { oldest } = this.#cells;
    this.table.touch(id);
    while (oldest[id] !== Infinity) this.#closeOldest(id, emit);
  }

  /** Takes the oldest bucket of a series; the next open one becomes the oldest. */
  #closeOldest(id: number, emit: EmitAlert): void {
    const { counts, values, oldest, closedThrough } = this.#cells;
    const { aggregation, index, slots } = this.query;
    const period = oldest[id]!;
    const slot = id * slots + (period & (slots - 1));
    const count = counts[slot]!;
    const value = values[slot]!;
    counts[slot] = 0;
    values[slot] = 0;
    const next = slots === 1 ? Infinity : this.#nextAfter(id, period);
    oldest[id] = next;
    if (next === Infinity) this.#open--;
    closedThrough[id] = period + 1;
    this.closed(index, id, period, aggregation === 'COUNT' ? count : aggregation === 'AVG' ? value / count : value, emit);
  }

  #add(id: number, period: number, timestamp: number, value: number): void {
    const { counts, values, oldest, times } = this.#cells;
    const slot = this.#slotOf(id, period);
    const count = counts[slot]!;
    if (period < oldest[id]!) oldest[id] = period;
    counts[slot] = count + 1;
    switch (this.query.aggregation) {
      case 'AVG':
      case 'SUM':
        values[slot] = count === 0 ? value : values[slot]! + value;
        break;
      case 'MIN':
        if (count === 0 || value < values[slot]!) values[slot] = value;
        break;
      case 'MAX':
        if (count === 0 || value > values[slot]!) values[slot] = value;
        break;
      case 'LAST':
        if (count === 0 || timestamp >= times[slot]!) {
          values[slot] = value;
          times[slot] = timestamp;
        }
        break;
      case 'COUNT':
    }
  }

  /** Open buckets lie within one turn of the ring. */
  #nextAfter(id: number, period: number): number {
    const { counts } = this.#cells;
    for (let next = period + 1; next < period + this.query.slots; next++) if (counts[this.#slotOf(id, next)] !== 0) return next;
    return Infinity;
  }

  #slotOf(id: number, period: number): number {
    const { slots } = this.query;
    return id * slots + (period & (slots - 1));
  }
}
