import { setTimeout as delay } from 'node:timers/promises';
import type { Admin, Kafka } from 'kafkajs';
import type { Config } from '../../config.js';
import { TocsinError } from '../../shared/errors.js';
import { within } from '../../shared/wait.js';
import type { AssignedConsumer, PartitionAssignment, Cluster, ClusterAccess } from '../cluster.js';
import type { LogConsumer, LogRecord, PartitionOffsets, Subscription, TopicPartition } from '../event-log.js';
import type { ProducerWatch } from '../producer-watch.js';
import type { NewTopic } from '../topic-admin.js';
import { originalTopic } from '../topic-limits.js';
import { Brokers, type PartitionLeaders } from './connection/brokers.client.js';
import { kafkaClient } from './connection/kafka-client.client.js';
import { compressions } from './protocol/codecs.client.js';
import { KafkaConsumerGroups } from './admin/consumer-groups.client.js';
import { KafkaConsumer, type ClusterNaming, type DynamicSubscription } from './consumer/kafka-consumer.client.js';
import { KafkaProducerPool } from './producer/kafka-producer-pool.client.js';
import { KafkaAssignedConsumer } from './reader/kafka-assigned-consumer.client.js';
import { kafkajsTopicConfig, withDeadLetterRoom } from './admin/kafka-topics.client.js';
import { EARLIEST, LATEST, OffsetLookup } from './connection/offset-lookup.client.js';
import { readRange } from './reader/read-range.client.js';
import { DynamicTopicConsumer } from './consumer/dynamic-topic-consumer.client.js';

/** Below the 2 s limit of a readiness check over all clusters. */
const PING_MS = 1500;

/** Time limit for changes of the controller to reach the brokers (ms). */
const PROPAGATION_TIMEOUT_MS = 10_000;
const PROPAGATION_POLL_MS = 50;

const UNPREFIXED_NAMES: ClusterNaming = { groupId: (group) => group, physical: (topic) => topic, logical: (physical) => physical };

/** One Kafka cluster through kafkajs, by physical names. Connects lazily. */
export class KafkaCluster implements Cluster {
  readonly #kafka: Kafka;
  readonly #partitions = new Map<string, { count: number; at: number }>();
  readonly #partitionRequests = new Map<string, Promise<number>>();
  #producers: KafkaProducerPool | undefined;
  readonly brokers: Brokers;
  readonly lookup: OffsetLookup;
  readonly groups: KafkaConsumerGroups;
  readonly #consumers = new Set<LogConsumer>();
  #admin: Promise<Admin> | undefined;

  constructor(
    readonly access: ClusterAccess,
    private readonly clientId: string,
    private readonly config: Config,
    private readonly onClosed: () => void = () => undefined,
  ) {
    this.brokers = new Brokers(access, clientId);
    this.lookup = new OffsetLookup(this.brokers);
    this.groups = new KafkaConsumerGroups(this.brokers);
    this.#kafka = kafkaClient(access, clientId);
  }

  /** Shared admin connection; a failed attempt is retried by the next call. */
  admin(): Promise<Admin> {
    return (this.#admin ??= this.#connect());
  }

  async #connect(): Promise<Admin> {
    const admin = this.#kafka.admin();
    try {
      // Fails fast with an explanation, where kafkajs would retry.
      await this.checkConnection();
      await admin.connect();
      return admin;
    } catch (error) {
      this.#admin = undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
    await this.#producers?.close(this.config.SHUTDOWN_MS);
    await (await this.#admin?.catch(() => undefined))?.disconnect();
    await this.brokers.close();
    this.onClosed();
  }

  /** Throws the reason when the cluster cannot be used; no time limit beyond the connection timeouts. */
  async checkConnection(): Promise<void> {
    await this.brokers.ping();
  }

  async ping(): Promise<void> {
    await within(
      PING_MS,
      this.checkConnection(),
      () => new TocsinError('T7001', `${this.access.brokers.join()}: request timed out after ${PING_MS} ms`),
    );
  }

  async topics(): Promise<ReadonlyMap<string, number>> {
    return new Map([...(await this.brokers.topics())].map(([name, leaders]) => [name, leaders.size]));
  }

  /** Creates missing topics; never changes existing ones. */
  async ensureTopics(topics: readonly NewTopic[], replicationFactor: number): Promise<void> {
    const isDeadLetterTopic = ({ name }: NewTopic): boolean => originalTopic(name) !== undefined;
    // The limits of a dead-letter topic depend on its original topic, which must exist first.
    await this.#ensure(
      topics.filter((topic) => !isDeadLetterTopic(topic)),
      replicationFactor,
    );
    await this.#ensure(topics.filter(isDeadLetterTopic), replicationFactor);
  }

  async #ensure(topics: readonly NewTopic[], replicationFactor: number): Promise<void> {
    if (topics.length === 0) return;
    const existing = await this.brokers.topics(topics.map(({ name }) => name));
    const missing = topics.filter(({ name }) => !existing.has(name));
    if (missing.length === 0) return;
    const wanted = await Promise.all(missing.map((topic) => withDeadLetterRoom(this.brokers, topic)));
    // A topic that another replica created meanwhile is not an error.
    await (await this.admin()).createTopics({ waitForLeaders: false, topics: wanted.map((topic) => kafkajsTopicConfig(topic, replicationFactor)) });
    await this.awaitPartitions(new Map(missing.map(({ name }) => [name, 1])));
  }

  /** Waits until each topic has at least this many partitions, all with a leader. Throws T7004 after 10 s. */
  async awaitPartitions(partitions: ReadonlyMap<string, number>): Promise<void> {
    const names = [...partitions.keys()];
    await awaitPropagation(async () => {
      const all = await this.brokers.topics(names);
      return names.filter((name) => !hasLeaders(all.get(name) ?? new Map(), partitions.get(name)!));
    });
  }

  /** Sets topic configs and waits until every reachable broker returns them. Throws T7005 for a missing topic, T7004 after 10 s. */
  async configure(topic: string, config: Readonly<Record<string, string>>): Promise<void> {
    await this.brokers.configure(topic, config);
    const wanted = Object.entries(config);
    await awaitPropagation(async () => {
      const configs = await this.brokers.configs([topic], Object.keys(config));
      return wanted.flatMap(([name, value]) =>
        configs.some((each) => each.get(topic)?.get(name) !== value) ? [`${name}=${value} of ${topic}`] : [],
      );
    });
  }

  /** Cached number of partitions; refreshed in the background, because topics grow. */
  cachedPartitions(topic: string): number | undefined {
    const known = this.#partitions.get(topic);
    if (known && Date.now() - known.at >= this.config.KAFKA_METADATA_MAX_AGE_MS) this.#fetchPartitions(topic).catch(() => undefined);
    return known?.count;
  }

  async partitions(topic: string): Promise<number> {
    return this.cachedPartitions(topic) ?? this.#fetchPartitions(topic);
  }

  #fetchPartitions(topic: string): Promise<number> {
    const request =
      this.#partitionRequests.get(topic) ??
      this.brokers
        .leaders(topic, { fresh: true })
        .then(({ size }) => {
          this.#partitions.set(topic, { count: size, at: Date.now() });
          return size;
        })
        .finally(() => this.#partitionRequests.delete(topic));
    this.#partitionRequests.set(topic, request);
    return request;
  }

  /** The producers of this cluster, created at the first call: most clusters are only read. */
  producers(watch: ProducerWatch, logical: (topic: string) => string): KafkaProducerPool {
    const { config } = this;
    return (this.#producers ??= new KafkaProducerPool(() => kafkaClient(this.access, this.clientId, { retries: 0 }), {
      producers: config.KAFKA_PRODUCERS,
      lingerMs: config.LINGER_MS,
      limits: { records: config.KAFKA_BATCH_MESSAGES, bytes: config.KAFKA_BATCH_BYTES },
      bufferBytes: config.KAFKA_BUFFER_BYTES,
      compressionOf: (topic) => compressions[config.KAFKA_TOPIC_COMPRESSION.get(logical(topic)) ?? config.KAFKA_COMPRESSION],
      nameOf: logical,
      watch,
    }));
  }

  async offsets(topic: string): Promise<PartitionOffsets[]> {
    const [low, high] = await Promise.all([EARLIEST, LATEST].map((which) => this.lookup.listOffsets(topic, which)));
    return [...low!].map(([partition, first]) => ({ partition, low: first, high: high!.get(partition) ?? first }));
  }

  async offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, number>> {
    const [found, ends] = await Promise.all([timestamp, LATEST].map((which) => this.lookup.listOffsets(topic, which)));
    // The broker returns −1 beyond the last record.
    return new Map([...found!].map(([partition, offset]) => [partition, offset >= 0 ? offset : (ends!.get(partition) ?? 0)]));
  }

  read(at: TopicPartition, from: number, to: number): AsyncIterable<readonly LogRecord[]> {
    const { KAFKA_FETCH_MAX_BYTES, KAFKA_MAX_PARTITION_FETCH_BYTES, KAFKA_FETCH_MAX_WAIT_MS } = this.config;
    return readRange(this.brokers, at, [from, to], {
      maxWaitMs: KAFKA_FETCH_MAX_WAIT_MS,
      bytes: KAFKA_FETCH_MAX_BYTES,
      partitionBytes: KAFKA_MAX_PARTITION_FETCH_BYTES,
    });
  }

  assign(assignment: PartitionAssignment): AssignedConsumer {
    // Separate connections: a fetch that waits for records blocks all later requests.
    const brokers = new Brokers(this.access, this.clientId);
    const consumer: KafkaAssignedConsumer = new KafkaAssignedConsumer(brokers, assignment, this.config, () => this.#consumers.delete(consumer));
    this.#consumers.add(consumer);
    return consumer;
  }

  subscribe(subscription: Subscription & { readonly pattern?: RegExp }): LogConsumer {
    const source = { topics: () => this.topics(), join: (own: DynamicSubscription) => this.join(own, UNPREFIXED_NAMES) };
    const consumer: DynamicTopicConsumer = new DynamicTopicConsumer(source, subscription, this.config, () => this.#consumers.delete(consumer));
    this.#consumers.add(consumer);
    return consumer;
  }

  /** Joins a group with existing topics. */
  join(subscription: DynamicSubscription, names: ClusterNaming): KafkaConsumer {
    const client = kafkaClient(this.access, `${names.groupId(subscription.group)}-${this.config.INSTANCE_ID}`);
    const consumer = new KafkaConsumer(client, subscription, this.config, names);
    consumer.start();
    return consumer;
  }
}

/**
 * Waits until nothing is `missing`. The controller acknowledges a change at once, but each broker applies it later and until then
 * responds with the old state. Throws T7004.
 */
async function awaitPropagation(missing: () => Promise<readonly string[]>): Promise<void> {
  for (const end = Date.now() + PROPAGATION_TIMEOUT_MS; ; await delay(PROPAGATION_POLL_MS)) {
    const absent = await missing();
    if (absent.length === 0) return;
    if (Date.now() > end)
      throw new TocsinError('T7004', `metadata does not contain ${absent.join(', ')} ${PROPAGATION_TIMEOUT_MS} ms after creation`);
  }
}

const hasLeaders = (leaders: PartitionLeaders, partitions: number): boolean =>
  leaders.size >= partitions && [...leaders.values()].every((node) => node >= 0);
