import type { Admin, Kafka, Message } from 'kafkajs';
import type { Config } from '../../config.js';
import type { Database } from '../../database/database.js';
import { Log, type LogConsumer, type LogRecord, type OutgoingRecord, type PartitionOffsets, type Subscription, type TopicPartition } from '../log.js';
import { murmur2Partition } from '../partitioner.js';
import { kafkaClient } from './client.js';
import { compression } from './codecs.js';
import { KafkaConsumer } from './kafka-consumer.js';
import { KafkaProducer } from './kafka-producer.js';
import { pack, type Staged } from './parcel.js';
import { readRange } from './read-range.js';
import { OutboxRelay } from './outbox-relay.js';

/** The log on Apache Kafka. What is staged in a transaction goes to the outbox table, and a relay publishes it. */
export class KafkaLog extends Log {
  readonly #kafka: Kafka;
  readonly #admin: Admin;
  readonly #producers: readonly KafkaProducer[];
  readonly #relay: OutboxRelay;
  readonly #partitions = new Map<string, { count: number; at: number }>();
  #turn = 0;

  constructor(
    private readonly database: Database,
    private readonly config: Config,
  ) {
    super();
    this.#kafka = kafkaClient(config.KAFKA_BROKERS ?? [], `${config.GROUP_PREFIX}-${config.INSTANCE_ID}`);
    this.#admin = this.#kafka.admin();
    const options = { lingerMs: config.LINGER_MS, compression: compression[config.KAFKA_COMPRESSION] };
    this.#producers = Array.from({ length: Math.max(1, config.KAFKA_PRODUCERS) }, () => new KafkaProducer(this.#kafka, options));
    this.#relay = new OutboxRelay(database, (topic, records) => this.publish(topic, records));
  }

  connect(): Promise<void> {
    return this.#admin.connect();
  }

  async close(): Promise<void> {
    await this.#relay.close();
    await Promise.all(this.#producers.map((producer) => producer.close()));
    await this.#admin.disconnect();
  }

  #physical(topic: string): string {
    return this.config.TOPIC_PREFIX + topic;
  }

  async ensureTopics(topics: readonly { name: string; partitions: number }[]): Promise<void> {
    const existing = new Set(await this.#admin.listTopics());
    const missing = topics.filter(({ name }) => !existing.has(this.#physical(name)));
    if (missing.length === 0) return;
    try {
      await this.#admin.createTopics({
        waitForLeaders: true,
        topics: missing.map(({ name, partitions }) => ({
          topic: this.#physical(name),
          numPartitions: partitions,
          replicationFactor: this.config.TOPIC_REPLICATION,
        })),
      });
    } catch (error) {
      // Another replica may have been faster.
      const now = new Set(await this.#admin.listTopics());
      if (!missing.every(({ name }) => now.has(this.#physical(name)))) throw error;
    }
  }

  async partitions(topic: string): Promise<number> {
    const known = this.#partitions.get(topic);
    if (known && Date.now() - known.at < 60_000) return known.count;
    const { topics } = await this.#admin.fetchTopicMetadata({ topics: [this.#physical(topic)] });
    const count = topics[0]?.partitions.length ?? 0;
    if (count === 0) throw new Error(`there is no topic ${topic}`);
    this.#partitions.set(topic, { count, at: Date.now() });
    return count;
  }

  async partitionFor(topic: string, key: string): Promise<number> {
    return murmur2Partition(key, await this.partitions(topic));
  }

  /** The partition is computed once, before the first try, so that a retry cannot move a record. */
  async publish(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    const count = await this.partitions(topic);
    const byProducer = new Map<number, Message[]>();
    for (const { key, value, partition, headers } of records) {
      const at = partition ?? (key === null ? this.#turn++ % count : murmur2Partition(key, count));
      const owner = at % this.#producers.length;
      const list = byProducer.get(owner) ?? [];
      byProducer.set(owner, list);
      list.push({ key, value, partition: at, ...(headers ? { headers: { ...headers } } : {}) });
    }
    await Promise.all([...byProducer].map(([owner, messages]) => this.#producers[owner]!.send(this.#physical(topic), messages)));
  }

  async stage(records: readonly Staged[], lane: string): Promise<void> {
    const now = Date.now();
    const rows = pack(records).map((parcel) => [lane, parcel, now]);
    // A few mebibytes for each statement: the server's packet limit is 16 MiB by default on MariaDB.
    for (let start = 0; start < rows.length; start += 4) {
      await this.database.insert('outbox', ['lane', 'parcel', 'created_at'], rows.slice(start, start + 4));
    }
  }

  staged(): void {
    this.#relay.wake();
  }

  own(lane: string): void {
    this.#relay.own(lane);
  }

  disown(lane: string): void {
    this.#relay.disown(lane);
  }

  async offsets(topic: string): Promise<PartitionOffsets[]> {
    const all = await this.#admin.fetchTopicOffsets(this.#physical(topic));
    return all.map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) })).sort((a, b) => a.partition - b.partition);
  }

  async committed(group: string, topic: string): Promise<Map<number, number>> {
    const [found] = await this.#admin.fetchOffsets({ groupId: `${this.config.GROUP_PREFIX}.${group}`, topics: [this.#physical(topic)] });
    const known = (found?.partitions ?? []).filter(({ offset }) => Number(offset) >= 0);
    return new Map(known.map(({ partition, offset }) => [partition, Number(offset)]));
  }

  async *read(at: TopicPartition, from: number, to: number): AsyncIterable<readonly LogRecord[]> {
    const bounds = (await this.offsets(at.topic)).find(({ partition }) => partition === at.partition);
    const end = Math.min(to, bounds?.high ?? 0);
    if (from < end) yield* readRange(this.#kafka, { topic: this.#physical(at.topic), partition: at.partition }, from, end);
  }

  subscribe(subscription: Subscription): Promise<LogConsumer> {
    const consumer = new KafkaConsumer(this.#kafka, subscription, this.config);
    consumer.start();
    return Promise.resolve(consumer);
  }

  async ping(): Promise<void> {
    await this.#admin.describeCluster();
  }
}
