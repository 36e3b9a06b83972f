import type { Message } from 'kafkajs';
import type { Config } from '../../config.js';
import type { Database } from '../../database/database.js';
import { deadLetterTopic, topics as contract } from '../../topics.js';
import { Log, type LogConsumer, type LogRecord, type OutgoingRecord, type PartitionOffsets, type Subscription, type TopicPartition } from '../log.js';
import { murmur2Partition } from '../partitioner.js';
import { alertAccess, mainAccess } from './access.js';
import { KafkaCluster } from './kafka-cluster.js';
import type { Names } from './kafka-consumer.js';
import { pack, type Staged } from './parcel.js';
import { OutboxRelay } from './outbox-relay.js';

/** Topics that stand on the cluster of ALERT_KAFKA_BROKERS where there is one. */
const alertTopics: ReadonlySet<string> = new Set(
  [contract.alerts, contract.alertStatus, contract.convergedAlerts].flatMap(({ name }) => [name, deadLetterTopic(name)]),
);

/** The log on Apache Kafka. What is staged in a transaction goes to the outbox table, and a relay publishes it. */
export class KafkaLog extends Log {
  readonly #main: KafkaCluster;
  readonly #alert: KafkaCluster;
  readonly #relay: OutboxRelay;
  readonly #names: Names;
  #turn = 0;

  constructor(
    private readonly database: Database,
    private readonly config: Config,
  ) {
    super();
    const clientId = `${config.GROUP_PREFIX}-${config.INSTANCE_ID}`;
    const alert = alertAccess(config);
    this.#main = new KafkaCluster(mainAccess(config), clientId, config);
    this.#alert = alert ? new KafkaCluster(alert, clientId, config) : this.#main;
    this.#relay = new OutboxRelay(database, (topic, records) => this.publish(topic, records));
    this.#names = {
      groupId: (group) => `${config.GROUP_PREFIX}.${group}`,
      physical: (topic) => config.TOPIC_PREFIX + topic,
      logical: (physical) => physical.slice(config.TOPIC_PREFIX.length),
    };
  }

  get #clusters(): Set<KafkaCluster> {
    return new Set([this.#main, this.#alert]);
  }

  #clusterOf(topic: string): KafkaCluster {
    return alertTopics.has(topic) ? this.#alert : this.#main;
  }

  async connect(): Promise<void> {
    await this.ping();
  }

  async close(): Promise<void> {
    await this.#relay.close();
    await Promise.all([...this.#clusters].map((cluster) => cluster.close()));
  }

  async ensureTopics(topics: readonly { name: string; partitions: number }[]): Promise<void> {
    for (const cluster of this.#clusters) {
      const own = topics.filter(({ name }) => this.#clusterOf(name) === cluster);
      const physical = own.map(({ name, partitions }) => ({ name: this.#names.physical(name), partitions }));
      await cluster.ensureTopics(physical, this.config.TOPIC_REPLICATION);
    }
  }

  partitions(topic: string): Promise<number> {
    return this.#clusterOf(topic).partitions(this.#names.physical(topic));
  }

  async partitionFor(topic: string, key: string): Promise<number> {
    return murmur2Partition(key, await this.partitions(topic));
  }

  /** The partition is computed once, before the first try, so that a retry cannot move a record. */
  async publish(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    const count = await this.partitions(topic);
    const messages = records.map(({ key, value, partition, headers }): Message => {
      const at = partition ?? (key === null ? this.#turn++ % count : murmur2Partition(key, count));
      return { key, value, partition: at, ...(headers ? { headers: { ...headers } } : {}) };
    });
    await this.#clusterOf(topic).send(this.#names.physical(topic), messages);
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

  offsets(topic: string): Promise<PartitionOffsets[]> {
    return this.#clusterOf(topic).offsets(this.#names.physical(topic));
  }

  offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, number>> {
    return this.#clusterOf(topic).offsetsAt(this.#names.physical(topic), timestamp);
  }

  committed(group: string, topic: string): Promise<Map<number, number>> {
    return this.#clusterOf(topic).committed(this.#names.groupId(group), this.#names.physical(topic));
  }

  read({ topic, partition }: TopicPartition, from: number, to: number): AsyncIterable<readonly LogRecord[]> {
    return this.#clusterOf(topic).read({ topic: this.#names.physical(topic), partition }, from, to);
  }

  subscribe(subscription: Subscription): Promise<LogConsumer> {
    const [cluster, ...others] = new Set(subscription.topics.map((topic) => this.#clusterOf(topic)));
    if (!cluster || others.length > 0)
      return Promise.reject(new Error(`${subscription.group} consumes from one cluster, not from ${others.length + 1}`));
    return Promise.resolve(cluster.subscribe(subscription, this.#names));
  }

  async ping(): Promise<void> {
    await Promise.all([...this.#clusters].map((cluster) => cluster.ping()));
  }
}
