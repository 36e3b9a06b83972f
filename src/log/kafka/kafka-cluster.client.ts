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
import { Brokers, type Leaders } from './connection/brokers.client.js';
import { kafkaClient } from './connection/kafka-client.client.js';
import { compressions } from './protocol/codecs.client.js';
import { ConsumerGroups } from './admin/consumer-groups.client.js';
import { KafkaConsumer, type Names, type OpenSubscription } from './consumer/kafka-consumer.client.js';
import { KafkaProducers } from './producer/kafka-producers.client.js';
import { KafkaReader } from './reader/kafka-reader.client.js';
import { topicConfig, withRoom } from './admin/kafka-topics.client.js';
import { OffsetLookup } from './reader/offset-lookup.client.js';
import { readRange } from './reader/read-range.client.js';
import { TopicFollower } from './consumer/topic-follower.client.js';

/** A readiness check waits 2 s for all clusters. */
const PING_MS = 1500;

/** How long (ms) what was just granted may take until the brokers know it. */
const SHOWN_MS = 10_000;
const SHOWN_POLL_MS = 50;

const OWN_NAMES: Names = { groupId: (group) => group, physical: (topic) => topic, logical: (physical) => physical };

/** One Kafka cluster through kafkajs, by its own names. Connects at the first use. */
export class KafkaCluster implements Cluster {
  readonly #kafka: Kafka;
  readonly #partitions = new Map<string, { count: number; at: number }>();
  readonly #asking = new Map<string, Promise<number>>();
  #producers: KafkaProducers | undefined;
  readonly brokers: Brokers;
  readonly lookup: OffsetLookup;
  readonly groups: ConsumerGroups;
  readonly #consumers = new Set<LogConsumer>();
  #admin: Promise<Admin> | undefined;

  constructor(
    readonly access: ClusterAccess,
    private readonly clientId: string,
    private readonly config: Config,
    private readonly closed: () => void = () => undefined,
  ) {
    this.brokers = new Brokers(access, clientId);
    this.lookup = new OffsetLookup(this.brokers);
    this.groups = new ConsumerGroups(this.brokers);
    this.#kafka = kafkaClient(access, clientId);
  }

  /** One connection for all questions; after a failed attempt the next question tries again. */
  admin(): Promise<Admin> {
    return (this.#admin ??= this.#connect());
  }

  async #connect(): Promise<Admin> {
    const admin = this.#kafka.admin();
    try {
      // Says at once, and in words, what kafkajs would try again and again.
      await this.reach();
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
    this.closed();
  }

  /** Throws why the cluster cannot be used; takes the time that connecting takes. */
  async reach(): Promise<void> {
    await this.brokers.ping();
  }

  async ping(): Promise<void> {
    await within(PING_MS, this.reach(), () => new TocsinError('T7001', `${this.access.brokers.join()}: request timed out after ${PING_MS} ms`));
  }

  async topics(): Promise<ReadonlyMap<string, number>> {
    return new Map([...(await this.brokers.topics())].map(([name, leaders]) => [name, leaders.size]));
  }

  /** Creates what is missing; never changes what exists. */
  async ensureTopics(topics: readonly NewTopic[], replicationFactor: number): Promise<void> {
    const areLetters = ({ name }: NewTopic): boolean => originalTopic(name) !== undefined;
    // How large dead letters may be goes by their topic, which must be there first.
    await this.#ensure(
      topics.filter((topic) => !areLetters(topic)),
      replicationFactor,
    );
    await this.#ensure(topics.filter(areLetters), replicationFactor);
  }

  async #ensure(topics: readonly NewTopic[], replicationFactor: number): Promise<void> {
    if (topics.length === 0) return;
    const existing = await this.brokers.topics(topics.map(({ name }) => name));
    const missing = topics.filter(({ name }) => !existing.has(name));
    if (missing.length === 0) return;
    const wanted = await Promise.all(missing.map((topic) => withRoom(this.brokers, topic)));
    // Those that another replica has created in the meantime are no error.
    await (await this.admin()).createTopics({ waitForLeaders: false, topics: wanted.map((topic) => topicConfig(topic, replicationFactor)) });
    await this.shows(new Map(missing.map(({ name }) => [name, 1])));
  }

  /** Waits until the topics have so many partitions at least, each with a leader. Throws T7004 after 10 s. */
  async shows(partitions: ReadonlyMap<string, number>): Promise<void> {
    const names = [...partitions.keys()];
    await shown(async () => {
      const all = await this.brokers.topics(names);
      return names.filter((name) => !isLed(all.get(name) ?? new Map(), partitions.get(name)!));
    });
  }

  /** Sets these settings of a topic, and waits until every broker that answers has them. Throws T7005 without such a topic, T7004 after 10 s. */
  async configure(topic: string, config: Readonly<Record<string, string>>): Promise<void> {
    await this.brokers.configure(topic, config);
    const wanted = Object.entries(config);
    await shown(async () => {
      const told = await this.brokers.configs([topic], Object.keys(config));
      return wanted.flatMap(([name, value]) => (told.some((each) => each.get(topic)?.get(name) !== value) ? [`${name}=${value} of ${topic}`] : []));
    });
  }

  /** How many partitions the topic has, as far as we know; asks again in the background now and then, for topics grow. */
  knownPartitions(topic: string): number | undefined {
    const known = this.#partitions.get(topic);
    if (known && Date.now() - known.at >= this.config.KAFKA_METADATA_MAX_AGE_MS) this.#askPartitions(topic).catch(() => undefined);
    return known?.count;
  }

  async partitions(topic: string): Promise<number> {
    return this.knownPartitions(topic) ?? this.#askPartitions(topic);
  }

  #askPartitions(topic: string): Promise<number> {
    const asking =
      this.#asking.get(topic) ??
      this.brokers
        .leaders(topic, { fresh: true })
        .then(({ size }) => {
          this.#partitions.set(topic, { count: size, at: Date.now() });
          return size;
        })
        .finally(() => this.#asking.delete(topic));
    this.#asking.set(topic, asking);
    return asking;
  }

  /** What publishes to this cluster: made once, for clusters that are only read need none. */
  producers(watch: ProducerWatch, logical: (topic: string) => string): KafkaProducers {
    const { config } = this;
    return (this.#producers ??= new KafkaProducers(() => kafkaClient(this.access, this.clientId, { retries: 0 }), {
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
    const [low, high] = await Promise.all([-2, -1].map((which) => this.lookup.at(topic, which)));
    return [...low!].map(([partition, first]) => ({ partition, low: first, high: high!.get(partition) ?? first }));
  }

  async offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, number>> {
    const [found, ends] = await Promise.all([timestamp, -1].map((which) => this.lookup.at(topic, which)));
    // Beyond the last record the broker answers -1.
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
    // Connections of its own: a fetch that waits for records holds up everything behind it.
    const brokers = new Brokers(this.access, this.clientId);
    const reader: KafkaReader = new KafkaReader(brokers, assignment, this.config, () => this.#consumers.delete(reader));
    this.#consumers.add(reader);
    return reader;
  }

  subscribe(subscription: Subscription & { readonly pattern?: RegExp }): LogConsumer {
    const source = { topics: () => this.topics(), join: (own: OpenSubscription) => this.join(own, OWN_NAMES) };
    const follower: TopicFollower = new TopicFollower(source, subscription, this.config, () => this.#consumers.delete(follower));
    this.#consumers.add(follower);
    return follower;
  }

  /** A member of a group on topics that are there. */
  join(subscription: OpenSubscription, names: Names): KafkaConsumer {
    const client = kafkaClient(this.access, `${names.groupId(subscription.group)}-${this.config.INSTANCE_ID}`);
    const consumer = new KafkaConsumer(client, subscription, this.config, names);
    consumer.start();
    return consumer;
  }
}

/**
 * Waits until nothing is `missing` any more. The controller grants at once, and each broker learns of it in its own time; until then it answers
 * as if nothing had happened. Throws T7004.
 */
async function shown(missing: () => Promise<readonly string[]>): Promise<void> {
  for (const end = Date.now() + SHOWN_MS; ; await delay(SHOWN_POLL_MS)) {
    const absent = await missing();
    if (absent.length === 0) return;
    if (Date.now() > end) throw new TocsinError('T7004', `metadata does not contain ${absent.join(', ')} ${SHOWN_MS} ms after creation`);
  }
}

const isLed = (leaders: Leaders, partitions: number): boolean => leaders.size >= partitions && [...leaders.values()].every((node) => node >= 0);
