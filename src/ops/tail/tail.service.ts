import { Injectable } from '@nestjs/common';
import { Config } from '../../config.js';
import { EventLog, type LogRecord, type PartitionOffsets } from '../../log/event-log.js';
import { jsonSerializer } from '../../log/serializer.js';
import { PoisonError, TocsinError } from '../../shared/errors.js';
import { within } from '../../shared/wait.js';
import { JsonError } from '../../shared/json.js';
import { type FoundRecord, NewestRecords } from './newest.js';
import { envelopeEvents, type RecordView, views } from './record-view.js';
import { positionsText, type TailQuery } from './tail-query.js';
import { messageOf } from '../../shared/error-message.js';

/** Maximum bytes of records in one response. */
const ANSWER_BYTES = 4 * 1024 * 1024;
/** Timeout (ms) of a partition, which is then listed as an error. */
const PARTITION_MS = 15_000;
/** A search reads a partition backwards in chunks of this many records. */
const CHUNK_RECORDS = 500;

export interface Tail {
  readonly topic: string;
  /** Ordered by timestamp, newest last. */
  readonly records: readonly RecordView[];
  /** Positions at which to continue, for the parameter `after`. */
  readonly next: string;
  readonly scanned: number;
  /** False when matching records may be missing because of the search limit or the response size. */
  readonly complete: boolean;
  readonly errors: readonly { readonly partition: number; readonly message: string }[];
}

interface Reading {
  readonly topic: string;
  readonly query: TailQuery;
  readonly newest: NewestRecords;
  readonly next: Map<number, number>;
  readonly errors: { partition: number; message: string }[];
  scanned: number;
  complete: boolean;
}

/** Reads records without a consumer group, so that consumers are not affected. */
@Injectable()
export class TailService {
  constructor(
    private readonly eventLog: EventLog,
    private readonly config: Config,
  ) {}

  /**
   * The newest records of a topic over all its partitions, or the records from `after` on. Throws {@link TocsinError} T6401 for an unknown topic or
   * partition, T6406 when no partition could be read.
   */
  async tail(topic: string, query: TailQuery): Promise<Tail> {
    const bounds = await this.#bounds(topic, query);
    const reading: Reading = {
      topic,
      query,
      newest: new NewestRecords(query.n, ANSWER_BYTES),
      next: new Map(),
      errors: [],
      scanned: 0,
      complete: true,
    };
    for (const at of bounds) await this.#partition(reading, at, bounds.length);
    const { errors, scanned, newest, next } = reading;
    if (errors.length > 0 && errors.length === bounds.length && newest.records.length === 0) {
      throw new TocsinError('T6406', errors.map(({ partition, message }) => `${partition}: ${message}`).join('; '), errors);
    }
    const options = { topic, raw: query.raw, unfold: query.unfold, maxBytes: this.config.MAX_RECORD_BYTES, serializer: this.eventLog.serializer };
    const records = newest.records
      .flatMap(({ partition, record }) => views(partition, record, options))
      .filter((view) => view.index === undefined || this.#eventFits(view.message, query));
    return { topic, records, next: positionsText(next), scanned, complete: reading.complete && !newest.cut, errors };
  }

  async #bounds(topic: string, { partition }: TailQuery): Promise<PartitionOffsets[]> {
    const [known] = await this.eventLog.topics.describe([topic]);
    if (!known) throw new TocsinError('T6401', topic);
    if (partition !== undefined && !known.partitions.some((each) => each.partition === partition)) {
      throw new TocsinError('T6401', `${topic} has partitions 0 to ${known.partitions.length - 1}, not ${partition}`);
    }
    return known.partitions
      .filter((each) => partition === undefined || each.partition === partition)
      .map((each) => ({ partition: each.partition, low: each.low ?? 0, high: each.high ?? NaN }));
  }

  async #partition(reading: Reading, at: PartitionOffsets, partitions: number): Promise<void> {
    try {
      if (Number.isNaN(at.high)) throw new Error('no broker available');
      await within(PARTITION_MS, reading.query.after ? this.#forward(reading, at) : this.#backward(reading, at, partitions));
    } catch (error) {
      reading.errors.push({ partition: at.partition, message: messageOf(error) });
    }
  }

  /** Reads backwards from the log end until enough records match or the partition's share of the search limit is used up. */
  async #backward(reading: Reading, { partition, low, high }: PartitionOffsets, partitions: number): Promise<void> {
    const { query, topic } = reading;
    const filtered = query.key !== undefined || query.grep !== undefined;
    const most = filtered ? Math.ceil(query.scan / partitions) : query.n;
    reading.next.set(partition, high);
    let found = 0;
    let end = high;
    while (end > low && found < query.n && high - end < most) {
      const start = Math.max(low, end - Math.min(filtered ? CHUNK_RECORDS : query.n, most));
      for await (const slice of this.eventLog.read({ topic, partition }, start, end)) found += this.#take(reading, partition, slice);
      end = start;
    }
    if (filtered && end > low && found < query.n) reading.complete = false;
  }

  /** Reads forwards from a position, up to the requested number of records. */
  async #forward(reading: Reading, { partition, low, high }: PartitionOffsets): Promise<void> {
    const { query, topic, next } = reading;
    const wanted = query.after!.get(partition) ?? low;
    const start = Math.min(Math.max(low, wanted), high);
    next.set(partition, start);
    if (wanted < low) reading.errors.push({ partition, message: `records ${wanted} to ${low - 1} were deleted` });
    if (wanted > high) reading.errors.push({ partition, message: `log end offset ${high} is before ${wanted}` });
    const room = query.n - reading.newest.records.length;
    for await (const slice of this.eventLog.read({ topic, partition }, start, Math.min(high, start + room))) {
      this.#take(reading, partition, slice);
      next.set(partition, slice.at(-1)!.offset + 1);
    }
    if (room > 0 && next.get(partition) === start) next.set(partition, Math.min(high, start + room));
  }

  #take(reading: Reading, partition: number, slice: readonly LogRecord[]): number {
    reading.scanned += slice.length;
    const found: FoundRecord[] = slice.filter((record) => this.#fits(record, reading)).map((record) => ({ partition, record }));
    reading.newest.add(found);
    return found.length;
  }

  #fits({ key, value }: LogRecord, { topic, query }: Reading): boolean {
    if (query.grep !== undefined && !key?.includes(query.grep) && !this.#says(topic, value, query.grep)) return false;
    if (query.key === undefined || key?.toString('utf8') === query.key) return true;
    return (
      this.#says(topic, value, query.key) && (envelopeEvents(this.#messageOf(topic, value)) ?? []).some((event) => this.#eventFits(event, query))
    );
  }

  /** True when the bytes contain the text, or when the decoded message does and the bytes are not JSON. */
  #says(topic: string, value: Buffer | null, text: string): boolean {
    if (value?.includes(text)) return true;
    return this.eventLog.serializer !== jsonSerializer && JSON.stringify(this.#messageOf(topic, value) ?? '').includes(text);
  }

  /** Undefined for bytes that cannot be decoded. */
  #messageOf(topic: string, value: Buffer | null): unknown {
    try {
      return value === null ? undefined : this.eventLog.serializer.deserialize(topic, value);
    } catch (error) {
      if (error instanceof JsonError || error instanceof PoisonError) return undefined;
      throw error;
    }
  }

  /** An envelope contains events of several keys; a search for one key shows only the events of that key. */
  #eventFits(event: unknown, { key, grep }: TailQuery): boolean {
    if (key !== undefined && (event as Record<string, unknown>)[this.config.PARTITION_KEY] !== key) return false;
    return grep === undefined || JSON.stringify(event).includes(grep) || key !== undefined;
  }
}
