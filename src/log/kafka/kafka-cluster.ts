import type { Admin, Kafka, Message } from 'kafkajs';
import type { Config } from '../../config.js';
import type { Cluster, ClusterAccess } from '../cluster.js';
import type { LogConsumer, LogRecord, PartitionOffsets, Subscription, TopicPartition } from '../log.js';
import { kafkaClient } from './client.js';
import { compression } from './codecs.js';
import { KafkaConsumer, type Names } from './kafka-consumer.js';
import { KafkaProducer } from './kafka-producer.js';
import { readRange } from './read-range.js';

/** Partitions are only ever added, so what we know of a topic is good for a while (ms). */
const PARTITIONS_MS = 60_000;

const OWN_NAMES: Names = { groupId: (group) => group, physical: (topic) => topic, logical: (physical) => physical };

/** One Kafka cluster through kafkajs, by its own names. Connects at the first use. */
export class KafkaCluster implements Omit<Cluster, 'assign'> {
  readonly #kafka: Kafka;
  readonly #producers: readonly KafkaProducer[];
  readonly #partitions = new Map<string, { count: number; at: number }>();
  #admin: Promise<Admin> | undefined;

  constructor(
    readonly access: ClusterAccess,
    clientId: string,
    private readonly config: Config,
  ) {
    this.#kafka = kafkaClient(access, clientId);
    const options = { lingerMs: config.LINGER_MS, compression: compression[config.KAFKA_COMPRESSION] };
    this.#producers = Array.from({ length: Math.max(1, config.KAFKA_PRODUCERS) }, () => new KafkaProducer(this.#kafka, options));
  }

  /** One connection for all questions; after a failed attempt the next question tries again. */
  admin(): Promise<Admin> {
    return (this.#admin ??= this.#connect());
  }

  async #connect(): Promise<Admin> {
    const admin = this.#kafka.admin();
    try {
      await admin.connect();
      return admin;
    } catch (error) {
      this.#admin = undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#producers.map((producer) => producer.close()));
    await (await this.#admin?.catch(() => undefined))?.disconnect();
  }

  async ping(): Promise<void> {
    await (await this.admin()).describeCluster();
  }

  async topics(): Promise<ReadonlyMap<string, number>> {
    const { topics } = await (await this.admin()).fetchTopicMetadata();
    return new Map(topics.filter(({ name }) => !name.startsWith('__')).map(({ name, partitions }) => [name, partitions.length]));
  }

  /** Creates what is missing; never changes what exists. */
  async ensureTopics(topics: readonly { name: string; partitions: number }[], replicationFactor: number): Promise<void> {
    const admin = await this.admin();
    const existing = new Set(await admin.listTopics());
    const missing = topics.filter(({ name }) => !existing.has(name));
    if (missing.length === 0) return;
    try {
      await admin.createTopics({
        waitForLeaders: true,
        topics: missing.map(({ name, partitions }) => ({ topic: name, numPartitions: partitions, replicationFactor })),
      });
    } catch (error) {
      // Another replica may have been faster.
      const now = new Set(await admin.listTopics());
      if (!missing.every(({ name }) => now.has(name))) throw error;
    }
  }

  async partitions(topic: string): Promise<number> {
    const known = this.#partitions.get(topic);
    if (known && Date.now() - known.at < PARTITIONS_MS) return known.count;
    const { topics } = await (await this.admin()).fetchTopicMetadata({ topics: [topic] });
    const count = topics[0]?.partitions.length ?? 0;
    if (count === 0) throw new Error(`there is no topic ${topic}`);
    this.#partitions.set(topic, { count, at: Date.now() });
    return count;
  }

  /** Resolves when every in-sync replica has the messages, each of which names its partition. Producers own disjoint partitions. */
  async send(topic: string, messages: readonly Message[]): Promise<void> {
    const byProducer = new Map<number, Message[]>();
    for (const message of messages) {
      const owner = message.partition! % this.#producers.length;
      const list = byProducer.get(owner);
      if (list) list.push(message);
      else byProducer.set(owner, [message]);
    }
    await Promise.all([...byProducer].map(([owner, own]) => this.#producers[owner]!.send(topic, own)));
  }

  async offsets(topic: string): Promise<PartitionOffsets[]> {
    const all = await (await this.admin()).fetchTopicOffsets(topic);
    return all.map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) })).sort((a, b) => a.partition - b.partition);
  }

  async offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, number>> {
    const admin = await this.admin();
    const [found, bounds] = await Promise.all([admin.fetchTopicOffsetsByTimestamp(topic, timestamp), this.offsets(topic)]);
    const ends = new Map(bounds.map(({ partition, high }) => [partition, high]));
    // Beyond the last record the broker answers -1.
    return new Map(found.map(({ partition, offset }) => [partition, Number(offset) >= 0 ? Number(offset) : (ends.get(partition) ?? 0)]));
  }

  /** What a group has committed, by partition; absent when it never did. */
  async committed(groupId: string, topic: string): Promise<Map<number, number>> {
    const [found] = await (await this.admin()).fetchOffsets({ groupId, topics: [topic] });
    const known = (found?.partitions ?? []).filter(({ offset }) => Number(offset) >= 0);
    return new Map(known.map(({ partition, offset }) => [partition, Number(offset)]));
  }

  async *read(at: TopicPartition, from: number, to: number): AsyncIterable<readonly LogRecord[]> {
    const bounds = (await this.offsets(at.topic)).find(({ partition }) => partition === at.partition);
    const end = Math.min(to, bounds?.high ?? 0);
    if (from < end) yield* readRange(this.#kafka, at, from, end);
  }

  subscribe(subscription: Subscription, names: Names = OWN_NAMES): LogConsumer {
    const consumer = new KafkaConsumer(this.#kafka, subscription, this.config, names);
    consumer.start();
    return consumer;
  }
}
