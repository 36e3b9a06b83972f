import { EventEmitter } from 'node:events';
import { Logger } from '@nestjs/common';
import type { Config } from '../../config.js';
import type { Database } from '../../database/database.client.js';
import { PeriodicTask } from '../../shared/periodic-task.js';
import {
  EventLog,
  type GroupConsumer,
  type LogRecord,
  type OutgoingRecord,
  type PartitionOffsets,
  type RecordPosition,
  type Subscription,
  type TopicPartition,
} from '../event-log.js';
import { Partitioning } from '../partitioner.js';
import type { GroupMember, NewTopic } from '../topic-admin.js';
import { EmbeddedConsumer } from './embedded-consumer.service.js';
import { EmbeddedTopics } from './embedded-topics.repository.js';
import { RecordRepository } from './record.repository.js';

const HOUSEKEEPING_MS = 30_000;

interface PendingPublish {
  readonly topic: string;
  readonly records: readonly OutgoingRecord[];
  readonly at: number;
  readonly resolve: (positions: readonly RecordPosition[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The event log as append-only tables in the embedded database. Staging is part of the transaction, so no outbox is needed;
 * an in-process event wakes consumers. One process only.
 */
export class EmbeddedLog extends EventLog {
  readonly #records: RecordRepository;
  readonly #partitioning: Partitioning;
  readonly #appended = new EventEmitter().setMaxListeners(0);
  readonly #partitions = new Map<string, number>();
  readonly #positions = new Map<string, Map<number, number>>();
  /** Some positions are not saved yet. */
  #positionsChanged = false;
  readonly #groups = new Map<string, EmbeddedConsumer>();
  readonly topics: EmbeddedTopics;
  #pending: PendingPublish[] = [];
  #writing: Promise<void> | undefined;
  readonly #housekeeping = new PeriodicTask({
    name: 'offset commit and retention',
    everyMs: HOUSEKEEPING_MS,
    firstDelayMs: HOUSEKEEPING_MS,
    run: () => this.housekeep(Date.now()),
    logger: new Logger('log'),
  });

  constructor(
    private readonly database: Database,
    private readonly config: Pick<Config, 'RETENTION_HOURS' | 'RETENTION_BYTES' | 'LINGER_MS'> & Partial<Pick<Config, 'KAFKA_PARTITIONER'>>,
  ) {
    super();
    this.#records = new RecordRepository(database);
    this.#partitioning = new Partitioning(config.KAFKA_PARTITIONER);
    const groups = () => [...this.#groups].map(([group, consumer]) => ({ group, assigned: consumer.state().assigned }));
    this.topics = new EmbeddedTopics({ records: this.#records, database, groups, changed: () => this.connect() }, config);
  }

  connect(): Promise<void> {
    for (const [topic, partitions] of this.#records.topics()) this.#partitions.set(topic, partitions);
    this.#housekeeping.start();
    return Promise.resolve();
  }

  async close(): Promise<void> {
    await this.#housekeeping.stop();
    await this.#writing;
    await this.#savePositions();
  }

  /** Saves positions and applies retention, which keeps records that a group has not processed. */
  async housekeep(now: number): Promise<void> {
    await this.#savePositions();
    const before = now - this.config.RETENTION_HOURS * 3_600_000;
    for (const [topic, partitions] of this.#partitions) {
      for (let partition = 0; partition < partitions; partition++) {
        const bytesEach = Math.floor(this.config.RETENTION_BYTES / partitions);
        await this.database.transaction(async () => {
          await this.database.begin();
          this.#records.retain({ topic, partition }, before, bytesEach);
        });
      }
    }
  }

  async ensureTopics(topics: readonly NewTopic[]): Promise<void> {
    await this.database.transaction(async () => {
      await this.database.begin();
      for (const { name, partitions } of topics) this.#records.create(name, partitions);
    });
    await this.connect();
  }

  partitions(topic: string): Promise<number> {
    const count = this.#partitions.get(topic);
    return count ? Promise.resolve(count) : Promise.reject(new Error(`topic ${topic} does not exist`));
  }

  async partitionFor(topic: string, key: string): Promise<number> {
    return this.#partitioning.partition(topic, key, await this.partitions(topic));
  }

  async publish(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    await this.#append(topic, records);
  }

  async send(topic: string, record: OutgoingRecord): Promise<RecordPosition> {
    const [position] = await this.#append(topic, [record]);
    return position!;
  }

  async #append(topic: string, records: readonly OutgoingRecord[]): Promise<readonly RecordPosition[]> {
    await this.partitions(topic);
    const written = new Promise<readonly RecordPosition[]>((resolve, reject) =>
      this.#pending.push({ topic, records, at: Date.now(), resolve, reject }),
    );
    this.#writing ??= this.database.detached(() => this.#writePending());
    return written;
  }

  /** Group commit: one transaction, and thus one fsync, for all publishes that arrived during the last write. */
  async #writePending(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#pending.length > 0) {
      const group = this.#pending;
      this.#pending = [];
      try {
        const positions: (readonly RecordPosition[])[] = [];
        await this.database.transaction(async () => {
          for (const { topic, records } of group) positions.push(await this.#write(records.map((record) => ({ ...record, topic }))));
        });
        this.#confirm(group, positions);
      } catch (error) {
        for (const { topic, records, reject } of group) {
          this.producing.failed(topic, 'refused', records.length);
          reject(error);
        }
      }
    }
    this.#writing = undefined;
  }

  #confirm(group: readonly PendingPublish[], positions: readonly (readonly RecordPosition[])[]): void {
    const now = Date.now();
    group.forEach(({ topic, records, at, resolve }, index) => {
      this.producing.confirmed(topic, records.length, (now - at) / 1000);
      resolve(positions[index]!);
    });
    this.#wake();
  }

  async stage(records: readonly (OutgoingRecord & { topic: string })[]): Promise<void> {
    await this.#write(records);
  }

  async #write(records: readonly (OutgoingRecord & { topic: string })[]): Promise<readonly RecordPosition[]> {
    await this.database.begin();
    const placed = records.map((record) => ({ ...record, partition: this.#partition(record) }));
    const offsets = this.#records.append(placed, Date.now());
    return placed.map(({ partition }, index) => ({ partition, offset: offsets[index]! }));
  }

  staged(): void {
    this.#wake();
  }

  acquireOrderingKey(): void {
    // Staged records are already in the log.
  }

  releaseOrderingKey(): void {
    // See `acquireOrderingKey`.
  }

  #partition({ topic, partition, key }: OutgoingRecord & { topic: string }): number {
    const count = this.#partitions.get(topic);
    if (!count) throw new Error(`topic ${topic} does not exist`);
    if (partition !== undefined) return partition;
    return this.#partitioning.partition(topic, key, count);
  }

  #wake(): void {
    this.#appended.emit('appended');
  }

  offsets(topic: string): Promise<PartitionOffsets[]> {
    return Promise.resolve(this.#records.offsets(topic));
  }

  offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, number>> {
    return Promise.resolve(this.#records.offsetsAt(topic, timestamp));
  }

  committed(group: string, topic: string): Promise<Map<number, number>> {
    const stored = this.#records.positions(group, topic);
    for (const [partition, next] of this.#positions.get(`${group} ${topic}`) ?? []) stored.set(partition, next);
    return Promise.resolve(stored);
  }

  async members(group: string): Promise<readonly GroupMember[]> {
    return (await this.topics.groups()).filter((each) => each.group === group).flatMap(({ members }) => members);
  }

  async setCommitted(group: string, topic: string, offsets: ReadonlyMap<number, number>): Promise<void> {
    if (this.#groups.has(group)) throw new Error(`consumer group ${group} is active`);
    for (const [partition, offset] of offsets) this.#commit(group, { topic, partition }, offset);
    await this.#savePositions();
  }

  async *read(at: TopicPartition, from: number, to: number): AsyncIterable<readonly LogRecord[]> {
    for (let next = from; next < to;) {
      const records = this.#records.read(at, next, Math.min(1000, to - next)).filter(({ offset }) => offset < to);
      if (records.length === 0) return;
      yield records;
      next = records.at(-1)!.offset + 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  subscribe(subscription: Subscription): Promise<GroupConsumer> {
    if (this.#groups.has(subscription.group))
      return Promise.reject(new Error(`consumer group ${subscription.group} is already active; the embedded log supports one process`));
    const consumer = new EmbeddedConsumer(subscription, {
      partitions: this.#partitions,
      read: (at, from, limit) => this.#records.read(at, from, limit),
      high: (at) => this.#records.high(at),
      commit: (at, next) => this.#commit(subscription.group, at, next),
      appended: this.#appended,
      stopped: () => this.#groups.delete(subscription.group),
    });
    this.#groups.set(subscription.group, consumer);
    consumer.start();
    return Promise.resolve(consumer);
  }

  #commit(group: string, { topic, partition }: TopicPartition, next: number): void {
    const key = `${group} ${topic}`;
    const positions = this.#positions.get(key) ?? new Map<number, number>();
    this.#positions.set(key, positions.set(partition, next));
    this.#positionsChanged = true;
  }

  /** Positions serve only the lag tools, so they are saved periodically. */
  async #savePositions(): Promise<void> {
    if (!this.#positionsChanged) return;
    this.#positionsChanged = false;
    try {
      await this.database.transaction(async () => {
        await this.database.begin();
        for (const [key, positions] of this.#positions) {
          const [group, topic] = key.split(' ') as [string, string];
          for (const [partition, next] of positions) this.#records.savePosition(group, { topic, partition }, next);
        }
      });
    } catch (error) {
      this.#positionsChanged = true;
      throw error;
    }
  }

  ping(): Promise<void> {
    return this.database.ping();
  }
}
