/** A partition of a topic, by its name without prefix. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface LogRecord {
  readonly offset: number;
  /** When the log got it (epoch ms). */
  readonly timestamp: number;
  readonly key: Buffer | null;
  /** null is a tombstone. */
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** Records of one partition, in order, consecutive as far as the log has them. */
export interface RecordBatch extends TopicPartition {
  readonly records: readonly LogRecord[];
  /** Offset that the next record of the partition will get. */
  readonly highWatermark: number;
}

/** A record to publish. Without `partition` the key decides; without a key partitions take turns. */
export interface OutgoingRecord {
  readonly key: string | null;
  readonly value: string | Buffer | null;
  readonly partition?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface PartitionOffsets {
  readonly partition: number;
  /** Offset of the oldest record that is still there. */
  readonly low: number;
  /** Offset that the next record will get. */
  readonly high: number;
}

/** How a consumer tells its owner what happens to a partition. All calls for one partition are sequential. */
export interface PartitionListener {
  /**
   * The partition is ours from `generation` on. Answers the offset to start from. A rejection is tried again with backoff.
   * Also called after a rejection of `batch`, before the same records come again.
   * @param generation grows with each rebalance of the group; a late caller of an older one must lose.
   */
  assigned(partition: TopicPartition, generation: number): Promise<number>;
  /** The partition is no longer ours, or the consumer stops. Nothing that it still does may be believed. */
  revoked(partition: TopicPartition): void;
  /**
   * Handles a batch. A rejection never kills the consumer: the partition is paused, and after a backoff the same records come again.
   * `heartbeat` keeps the membership alive in long work; `commit(next)` tells the log how far the group is, for its lag tools.
   */
  batch(batch: RecordBatch, control: BatchControl): Promise<void>;
}

export interface BatchControl {
  heartbeat(): Promise<void>;
  commit(nextOffset: number): Promise<void>;
}

export interface Subscription {
  readonly group: string;
  readonly topics: readonly string[];
  /** Most records in one batch. */
  readonly maxRecords: number;
  readonly listener: PartitionListener;
}

export interface ConsumerState {
  readonly group: string;
  readonly topics: readonly string[];
  readonly status: 'connecting' | 'rebalancing' | 'running' | 'stopped' | 'crashed';
  readonly assigned: readonly TopicPartition[];
  /** Partitions that wait after a failure, or by command. */
  readonly paused: readonly TopicPartition[];
  /** Why the consumer is not running, in words. */
  readonly problem?: string;
}

/** A running subscription. */
export interface LogConsumer {
  state(): ConsumerState;
  pause(partition: TopicPartition): void;
  resume(partition: TopicPartition): void;
  /** The next batch of the partition starts at `offset`. */
  seek(partition: TopicPartition, offset: number): void;
  /** Asks the listener again where to start, as after a refused batch. */
  restart(partition: TopicPartition): void;
  /** Finishes the running batches, leaves the group. */
  stop(): Promise<void>;
}

/**
 * The seam to the log: topics with partitions, records with consecutive offsets, consumer groups.
 * Implemented by Kafka and by tables in the embedded database; one contract suite runs on both.
 */
export abstract class Log {
  abstract connect(): Promise<void>;
  abstract close(): Promise<void>;
  /** Creates what is missing; never changes what exists. */
  abstract ensureTopics(topics: readonly { name: string; partitions: number }[]): Promise<void>;
  abstract partitions(topic: string): Promise<number>;
  /** The partition of a key; the same for every producer and for Kafka's Java client. */
  abstract partitionFor(topic: string, key: string): Promise<number>;
  /**
   * Appends records. Resolves when they are durable; rejects when the log did not confirm
   * (it may have them nevertheless). Order within a partition is kept.
   */
  abstract publish(topic: string, records: readonly OutgoingRecord[]): Promise<void>;
  /**
   * Makes the records part of the database transaction that is open now: they are published if and only if it commits, in order
   * within `lane`. Embedded: rows of the log itself. Kafka: outbox rows that a relay publishes.
   */
  abstract stage(records: readonly (OutgoingRecord & { topic: string })[], lane: string): Promise<void>;
  /** After the commit of a transaction that staged records: wake those who wait for them. */
  abstract staged(lane: string): void;
  /** This process publishes what is staged in the lane, in order, beginning with what earlier owners left. */
  abstract own(lane: string): void;
  abstract disown(lane: string): void;
  abstract offsets(topic: string): Promise<PartitionOffsets[]>;
  /** By partition: offset of the first record that the log got at or after `timestamp` (epoch ms); the end of the log when there is none. */
  abstract offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, number>>;
  /** What the group has committed to the log, by partition; absent when it never did. */
  abstract committed(group: string, topic: string): Promise<Map<number, number>>;
  /** Reads [from, to) of a partition without a group, oldest first. `to` is cut at the end of the log. */
  abstract read(partition: TopicPartition, from: number, to: number): AsyncIterable<readonly LogRecord[]>;
  abstract subscribe(subscription: Subscription): Promise<LogConsumer>;
  /** Throws when the log cannot be reached. */
  abstract ping(): Promise<void>;
}
