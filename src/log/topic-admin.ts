import type { TopicPartition } from './topic-partition.js';

/** A topic to create. */
export interface NewTopic {
  readonly name: string;
  readonly partitions: number;
  /** Copies of each partition; absent: TOPIC_REPLICATION. */
  readonly replication?: number | undefined;
  /** Kafka's own names and texts, such as retention.ms. */
  readonly config?: Readonly<Record<string, string>> | undefined;
}

export interface TopicPartitionState {
  readonly partition: number;
  /** host:port; null while there is none. */
  readonly leader: string | null;
  /** Brokers by id. */
  readonly replicas: readonly number[];
  readonly inSync: readonly number[];
  /** Offset of the oldest record that is still there; null when nobody answers for the partition. */
  readonly low: number | null;
  /** Offset that the next record will get. */
  readonly high: number | null;
}

export interface TopicState {
  readonly name: string;
  /** main, alert (ALERT_KAFKA_BROKERS) or embedded. */
  readonly cluster: string;
  readonly partitions: readonly TopicPartitionState[];
  /** What is in force, by Kafka's names: retention.ms, retention.bytes, min.insync.replicas, max.message.bytes, cleanup.policy, compression.type. */
  readonly config: Readonly<Record<string, string>>;
}

export interface GroupMember {
  readonly id: string;
  readonly client: string;
  readonly host: string;
  readonly partitions: readonly TopicPartition[];
}

export interface GroupState {
  /** Group id as the log knows it. */
  readonly group: string;
  /** The stage or source whose group it is; null for a group of somebody else. */
  readonly stage: string | null;
  readonly cluster: string;
  /** In Kafka's words: Stable, Empty, PreparingRebalance … */
  readonly state: string;
  readonly protocol: string;
  readonly members: readonly GroupMember[];
}

/** The topics themselves, for the tools: what there is, and changing it. Topics by their names without prefix. */
export abstract class TopicAdmin {
  /** Brokers that a new topic may be spread over. */
  abstract brokers(topic: string): Promise<number>;
  /** The topics of these names that exist, or all of them. */
  abstract describe(names?: readonly string[]): Promise<TopicState[]>;
  /** Every consumer group, with its members. */
  abstract groups(): Promise<GroupState[]>;
  abstract create(topic: NewTopic): Promise<void>;
  /** Adds partitions. What knows the old number keeps it for up to a minute. */
  abstract grow(topic: string, partitions: number): Promise<void>;
  /** Sets these settings of a topic; others that were set on it stay. */
  abstract configure(topic: string, config: Readonly<Record<string, string>>): Promise<void>;
}
