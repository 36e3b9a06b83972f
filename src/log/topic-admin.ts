import type { TopicPartition } from './topic-partition.js';

/** A topic to create. */
export interface NewTopic {
  readonly name: string;
  readonly partitions: number;
  /** Replication factor; absent: TOPIC_REPLICATION. */
  readonly replication?: number | undefined;
  /** Kafka's config names, such as retention.ms, and their values. */
  readonly config?: Readonly<Record<string, string>> | undefined;
}

export interface TopicPartitionState {
  readonly partition: number;
  /** host:port; null while there is none. */
  readonly leader: string | null;
  /** Brokers by id. */
  readonly replicas: readonly number[];
  readonly inSync: readonly number[];
  /** Offset of the oldest existing record; null when the partition has no leader that responds. */
  readonly low: number | null;
  /** Offset of the next record. */
  readonly high: number | null;
}

export interface TopicState {
  readonly name: string;
  /** main, alert (ALERT_KAFKA_BROKERS) or embedded. */
  readonly cluster: string;
  readonly partitions: readonly TopicPartitionState[];
  /** Effective config: retention.ms, retention.bytes, min.insync.replicas, max.message.bytes, cleanup.policy, compression.type. */
  readonly config: Readonly<Record<string, string>>;
}

export interface GroupMember {
  readonly id: string;
  readonly client: string;
  readonly host: string;
  readonly partitions: readonly TopicPartition[];
}

export interface GroupState {
  /** Group id in the log, including any prefix. */
  readonly group: string;
  /** The stage or source of the group; null for an unknown group. */
  readonly stage: string | null;
  readonly cluster: string;
  /** Kafka's group state: Stable, Empty, PreparingRebalance … */
  readonly state: string;
  readonly protocol: string;
  readonly members: readonly GroupMember[];
}

/** Topic administration for the tools: lists and changes topics. Topic names have no prefix. */
export abstract class TopicAdmin {
  /** Number of brokers that may have replicas of a new topic. */
  abstract brokers(topic: string): Promise<number>;
  /** The topics of these names that exist, or all of them. */
  abstract describe(names?: readonly string[]): Promise<TopicState[]>;
  /** Every consumer group, with its members. */
  abstract groups(): Promise<GroupState[]>;
  abstract create(topic: NewTopic): Promise<void>;
  /** Sets a larger partition count. Clients may use the cached old count for up to a minute. */
  abstract grow(topic: string, partitions: number): Promise<void>;
  /** Sets these configs of a topic; others that were set on it stay. */
  abstract configure(topic: string, config: Readonly<Record<string, string>>): Promise<void>;
}
