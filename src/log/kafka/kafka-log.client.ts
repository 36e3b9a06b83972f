import type { Config } from '../../config.js';
import type { Database } from '../../database/database.client.js';
import {
  EventLog,
  type GroupConsumer,
  type LogRecord,
  type OutgoingRecord,
  type PartitionOffsets,
  type RecordPosition,
  type PublishOptions,
  type Subscription,
  type TopicPartition,
} from '../event-log.js';
import { Partitioning } from '../partitioner.js';
import type { GroupMember, NewTopic } from '../topic-admin.js';
import { alertAccess, mainAccess } from './connection/cluster-access.client.js';
import { KafkaCluster } from './kafka-cluster.client.js';
import type { PartitionedRecord } from './producer/kafka-producer-pool.client.js';
import type { ClusterNaming } from './consumer/kafka-consumer.client.js';
import { encodeOutboxRows, type StagedRecord } from './producer/outbox-row.js';
import { alertTopics, KafkaTopics, type TopicPlacement, topicPlacement } from './admin/kafka-topics.client.js';
import { OutboxRelay } from './producer/outbox-relay.client.js';
import { outboxTable } from './producer/outbox-table.js';
import { withClusterName } from './connection/connection-failure.client.js';

/** The event log on Apache Kafka. Staged records go to the outbox table, from which a relay publishes them. */
export class KafkaLog extends EventLog {
  readonly #main: KafkaCluster;
  readonly #alert: KafkaCluster;
  readonly #relay: OutboxRelay;
  readonly #names: ClusterNaming;
  readonly topics: KafkaTopics;
  readonly #partitioning: Partitioning;

  constructor(
    private readonly database: Database,
    private readonly config: Config,
  ) {
    super();
    this.#partitioning = new Partitioning(config.KAFKA_PARTITIONER);
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
    this.topics = new KafkaTopics(this.#placement(), config.TOPIC_REPLICATION);
  }

  /** Runs on every cluster, and names the cluster that fails. */
  async #onEachCluster(ask: (cluster: KafkaCluster) => Promise<void>): Promise<void> {
    const named = async (cluster: KafkaCluster): Promise<void> => {
      try {
        await ask(cluster);
      } catch (error) {
        throw withClusterName(cluster === this.#main ? 'KAFKA_BROKERS' : 'ALERT_KAFKA_BROKERS', error);
      }
    };
    await Promise.all([...this.#clusters].map(named));
  }

  get #clusters(): Set<KafkaCluster> {
    return new Set([this.#main, this.#alert]);
  }

  #placement(): TopicPlacement {
    const clusters = new Map([['main', this.#main], ...(this.#alert === this.#main ? [] : ([['alert', this.#alert]] as const))]);
    return topicPlacement(this.config, clusters, (topic) => (this.#clusterOf(topic) === this.#main ? 'main' : 'alert'));
  }

  #clusterOf(topic: string): KafkaCluster {
    return alertTopics.has(topic) ? this.#alert : this.#main;
  }

  async connect(): Promise<void> {
    await this.#onEachCluster((cluster) => cluster.checkConnection());
  }

  async close(): Promise<void> {
    // The relay waits for its publishes, which end with the producers.
    await Promise.all([this.#relay.close(), ...[...this.#clusters].map((cluster) => cluster.close())]);
  }

  async ensureTopics(topics: readonly NewTopic[]): Promise<void> {
    for (const cluster of this.#clusters) {
      const own = topics.filter(({ name }) => this.#clusterOf(name) === cluster);
      const physical = own.map((topic) => ({ ...topic, name: this.#names.physical(topic.name) }));
      await cluster.ensureTopics(physical, this.config.TOPIC_REPLICATION);
    }
  }

  partitions(topic: string): Promise<number> {
    return this.#clusterOf(topic).partitions(this.#names.physical(topic));
  }

  async partitionFor(topic: string, key: string): Promise<number> {
    return this.#partitioning.partition(topic, key, await this.partitions(topic));
  }

  async publish(topic: string, records: readonly OutgoingRecord[], options?: PublishOptions): Promise<void> {
    const count = this.#clusterOf(topic).cachedPartitions(this.#names.physical(topic)) ?? (await this.partitions(topic));
    await this.#publish(topic, this.#withPartitions(topic, records, count), options);
  }

  async send(topic: string, record: OutgoingRecord, options?: PublishOptions): Promise<RecordPosition> {
    const count = this.#clusterOf(topic).cachedPartitions(this.#names.physical(topic)) ?? (await this.partitions(topic));
    const [placed] = this.#withPartitions(topic, [record], count);
    const offsets = await this.#publish(topic, [placed!], options);
    return { partition: placed!.partition, offset: offsets.get(placed!.partition)! };
  }

  /** The partition is chosen once, so that a retry cannot move the record. */
  #withPartitions(topic: string, records: readonly OutgoingRecord[], count: number): PartitionedRecord[] {
    return records.map((record) => ({ ...record, partition: record.partition ?? this.#partitioning.partition(topic, record.key, count) }));
  }

  #publish(topic: string, records: readonly PartitionedRecord[], options: PublishOptions = {}): Promise<ReadonlyMap<number, number>> {
    const producers = this.#clusterOf(topic).producers(this.producing, (physical) => this.#names.logical(physical));
    const timeoutMs = Math.min(options.timeoutMs ?? Infinity, this.config.KAFKA_DELIVERY_TIMEOUT_MS);
    return producers.send(this.#names.physical(topic), records, timeoutMs);
  }

  async stage(records: readonly StagedRecord[], orderingKey: string): Promise<void> {
    const now = Date.now();
    const rows = encodeOutboxRows(records).map((parcel) => ({ orderingKey, parcel, createdAt: now, isQuarantined: false }));
    // A few MiB per statement: MariaDB's default max_allowed_packet is 16 MiB.
    for (let start = 0; start < rows.length; start += 4) {
      await this.database.insertAll(outboxTable, rows.slice(start, start + 4));
    }
  }

  staged(): void {
    this.#relay.wake();
  }

  acquireOrderingKey(orderingKey: string): void {
    this.#relay.acquire(orderingKey);
  }

  releaseOrderingKey(orderingKey: string): void {
    this.#relay.release(orderingKey);
  }

  offsets(topic: string): Promise<PartitionOffsets[]> {
    return this.#clusterOf(topic).offsets(this.#names.physical(topic));
  }

  offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, number>> {
    return this.#clusterOf(topic).offsetsAt(this.#names.physical(topic), timestamp);
  }

  committed(group: string, topic: string): Promise<Map<number, number>> {
    return this.#clusterOf(topic).groups.committed(this.#names.groupId(group), this.#names.physical(topic));
  }

  members(group: string): Promise<readonly GroupMember[]> {
    return this.topics.members(this.#names.groupId(group));
  }

  setCommitted(group: string, topic: string, offsets: ReadonlyMap<number, number>): Promise<void> {
    return this.#clusterOf(topic).groups.commit(this.#names.groupId(group), this.#names.physical(topic), offsets);
  }

  read({ topic, partition }: TopicPartition, from: number, to: number): AsyncIterable<readonly LogRecord[]> {
    return this.#clusterOf(topic).read({ topic: this.#names.physical(topic), partition }, from, to);
  }

  subscribe(subscription: Subscription): Promise<GroupConsumer> {
    const [cluster, ...others] = new Set(subscription.topics.map((topic) => this.#clusterOf(topic)));
    if (!cluster || others.length > 0)
      return Promise.reject(new Error(`${subscription.group} must consume topics of one cluster, not of ${others.length + 1}`));
    return Promise.resolve(cluster.join(subscription, this.#names));
  }

  async ping(): Promise<void> {
    await this.#onEachCluster((cluster) => cluster.ping());
  }
}
