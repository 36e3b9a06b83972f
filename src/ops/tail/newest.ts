import type { LogRecord } from '../../log/event-log.js';

/** A record and its partition. */
export interface FoundRecord {
  readonly partition: number;
  readonly record: LogRecord;
}

const size = ({ record }: FoundRecord): number => (record.value?.length ?? 0) + (record.key?.length ?? 0) + 100;

/** Orders by timestamp, then by partition and offset. */
const byTime = (a: FoundRecord, b: FoundRecord): number =>
  a.record.timestamp - b.record.timestamp || a.partition - b.partition || a.record.offset - b.record.offset;

/** Keeps the newest records of many partitions, at most `most` of them and `bytes` in all (one is kept whatever its size). */
export class NewestRecords {
  #kept: FoundRecord[] = [];
  /** True when the byte limit removed records that are among the newest. */
  cut = false;

  constructor(
    private readonly most: number,
    private readonly bytes: number,
  ) {}

  add(more: readonly FoundRecord[]): void {
    const all = [...this.#kept, ...more].sort(byTime).slice(-this.most);
    let total = 0;
    let first = all.length;
    while (first > 0 && (total += size(all[first - 1]!)) <= this.bytes) first--;
    first = Math.min(first, Math.max(0, all.length - 1));
    this.cut ||= first > 0;
    this.#kept = all.slice(first);
  }

  /** Oldest first. */
  get records(): readonly FoundRecord[] {
    return this.#kept;
  }
}
