import { EventEmitter } from 'node:events';
import type { Config } from '../../config.js';
import type { Database } from '../../database/database.js';
import { Log, type LogConsumer, type LogRecord, type OutgoingRecord, type PartitionOffsets, type Subscription, type TopicPartition } from '../log.js';
import { murmur2Partition } from '../partitioner.js';
import { EmbeddedConsumer } from './embedded-consumer.js';
import { RecordTables } from './record-tables.js';

interface Waiting {
  readonly topic: string;
  readonly records: readonly OutgoingRecord[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The log as append-only tables in the embedded database. Publishing inside a transaction is part of it, so no outbox is needed;
 * consumers are woken by an in-process event. One process only.
 */
export class EmbeddedLog extends Log {
  readonly #tables: RecordTables;
  readonly #appended = new EventEmitter().setMaxListeners(0);
  readonly #partitions = new Map<string, number>();
  readonly #positions = new Map<string, Map<number, number>>();
  readonly #groups = new Set<string>();
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #housekeeping: NodeJS.Timeout | undefined;
  #turn = 0;

  constructor(
    private readonly database: Database,
    private readonly config: Pick<Config, 'RETENTION_HOURS' | 'RETENTION_BYTES' | 'LINGER_MS'>,
  ) {
    super();
    this.#tables = new RecordTables(database);
  }

  connect(): Promise<void> {
    for (const [topic, partitions] of this.#tables.topics()) this.#partitions.set(topic, partitions);
    this.#housekeeping ??= setInterval(() => void this.housekeep(Date.now()), 30_000);
    return Promise.resolve();
  }

  async close(): Promise<void> {
    clearInterval(this.#housekeeping);
    this.#housekeeping = undefined;
    await this.#writing;
    await this.#savePositions();
  }

  /** Saves positions and deletes what retention allows. Records that a group of this process has not yet handled stay. */
  async housekeep(now: number): Promise<void> {
    await this.#savePositions();
    const before = now - this.config.RETENTION_HOURS * 3_600_000;
    for (const [topic, partitions] of this.#partitions) {
      for (let partition = 0; partition < partitions; partition++) {
        const bytesEach = Math.floor(this.config.RETENTION_BYTES / partitions);
        await this.database.transaction(async () => {
          await this.database.begin();
          this.#tables.retain({ topic, partition }, before, bytesEach);
        });
      }
    }
  }

  async ensureTopics(topics: readonly { name: string; partitions: number }[]): Promise<void> {
    await this.database.transaction(async () => {
      await this.database.begin();
      for (const { name, partitions } of topics) this.#tables.create(name, partitions);
    });
    await this.connect();
  }

  partitions(topic: string): Promise<number> {
    const count = this.#partitions.get(topic);
    return count ? Promise.resolve(count) : Promise.reject(new Error(`there is no topic ${topic}`));
  }

  async partitionFor(topic: string, key: string): Promise<number> {
    return murmur2Partition(key, await this.partitions(topic));
  }

  async publish(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    await this.partitions(topic);
    const written = new Promise<void>((resolve, reject) => this.#waiting.push({ topic, records, resolve, reject }));
    this.#writing ??= this.database.detached(() => this.#writeWaiting());
    return written;
  }

  /** One transaction, and so one fsync, for all who came while the last one was written. */
  async #writeWaiting(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        await this.database.transaction(async () => {
          for (const { topic, records } of group) await this.stage(records.map((record) => ({ ...record, topic })));
        });
        for (const { resolve } of group) resolve();
        this.#wake();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#writing = undefined;
  }

  async stage(records: readonly (OutgoingRecord & { topic: string })[]): Promise<void> {
    await this.database.begin();
    this.#tables.append(
      records.map((record) => ({ ...record, partition: this.#partition(record) })),
      Date.now(),
    );
  }

  staged(): void {
    this.#wake();
  }

  own(): void {
    // What is staged is in the log already.
  }

  disown(): void {
    // As above.
  }

  #partition({ topic, partition, key }: OutgoingRecord & { topic: string }): number {
    const count = this.#partitions.get(topic);
    if (!count) throw new Error(`there is no topic ${topic}`);
    if (partition !== undefined) return partition;
    return key === null ? this.#turn++ % count : murmur2Partition(key, count);
  }

  #wake(): void {
    this.#appended.emit('appended');
  }

  offsets(topic: string): Promise<PartitionOffsets[]> {
    return Promise.resolve(this.#tables.offsets(topic));
  }

  offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, number>> {
    return Promise.resolve(this.#tables.offsetsAt(topic, timestamp));
  }

  committed(group: string, topic: string): Promise<Map<number, number>> {
    const stored = this.#tables.positions(group, topic);
    for (const [partition, next] of this.#positions.get(`${group} ${topic}`) ?? []) stored.set(partition, next);
    return Promise.resolve(stored);
  }

  async *read(at: TopicPartition, from: number, to: number): AsyncIterable<readonly LogRecord[]> {
    for (let next = from; next < to;) {
      const records = this.#tables.read(at, next, Math.min(1000, to - next)).filter(({ offset }) => offset < to);
      if (records.length === 0) return;
      yield records;
      next = records.at(-1)!.offset + 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  subscribe(subscription: Subscription): Promise<LogConsumer> {
    if (this.#groups.has(subscription.group))
      return Promise.reject(new Error(`${subscription.group} is consumed already; the embedded log has one process`));
    this.#groups.add(subscription.group);
    const consumer = new EmbeddedConsumer(subscription, {
      partitions: this.#partitions,
      read: (at, from, most) => this.#tables.read(at, from, most),
      high: (at) => this.#tables.high(at),
      commit: (at, next) => this.#commit(subscription.group, at, next),
      appended: this.#appended,
      stopped: () => this.#groups.delete(subscription.group),
    });
    consumer.start();
    return Promise.resolve(consumer);
  }

  #commit(group: string, { topic, partition }: TopicPartition, next: number): void {
    const key = `${group} ${topic}`;
    const positions = this.#positions.get(key) ?? new Map<number, number>();
    this.#positions.set(key, positions.set(partition, next));
  }

  /** Positions only serve the lag tools, so they are saved now and then. */
  async #savePositions(): Promise<void> {
    if (this.#positions.size === 0) return;
    await this.database.transaction(async () => {
      await this.database.begin();
      for (const [key, positions] of this.#positions) {
        const [group, topic] = key.split(' ') as [string, string];
        for (const [partition, next] of positions) this.#tables.savePosition(group, { topic, partition }, next);
      }
    });
    this.#positions.clear();
  }

  ping(): Promise<void> {
    return this.database.ping();
  }
}
