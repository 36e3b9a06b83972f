import type { CommitPolicy } from '../shared/commit-policy.js';
import type { PartitionPause } from './consuming/partition-pause.js';
import type { Deferral } from './deferral.js';
import type { GroupMember, NewTopic, TopicAdmin } from './topic-admin.js';
import { ProducerWatch } from './producer-watch.js';
import { jsonSerializer, type Serializer } from './serializer.js';
import type { TopicPartition } from './topic-partition.js';

export type { TopicPartition };

export interface LogRecord {
  readonly offset: number;
  /** Time at which the log appended the record (epoch ms). */
  readonly timestamp: number;
  readonly key: Buffer | null;
  /** null is a tombstone. */
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** Records of one partition, in order; gaps are those of the log. */
export interface RecordBatch extends TopicPartition {
  readonly records: readonly LogRecord[];
  /** Offset of the next record of the partition. */
  readonly highWatermark: number;
}

/** A record to publish. Without `partition` the key selects the partition; without a key the partitions take turns. */
export interface OutgoingRecord {
  /** A Buffer is published unchanged, for example the key of a record that is copied. */
  readonly key: string | Buffer | null;
  readonly value: string | Buffer | null;
  readonly partition?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface PublishOptions {
  /** Delivery timeout: records that the log has not confirmed by then fail. Default: KAFKA_DELIVERY_TIMEOUT_MS. */
  readonly timeoutMs?: number;
}

/** Partition and offset of a record. */
export interface RecordPosition {
  readonly partition: number;
  readonly offset: number;
}

export interface PartitionOffsets {
  readonly partition: number;
  /** Offset of the oldest existing record. */
  readonly low: number;
  /** Offset of the next record. */
  readonly high: number;
}

/** Callbacks of a consumer: a partition is assigned, has records, or is revoked. All calls for one partition are sequential. */
export interface PartitionListener {
  /**
   * This replica owns the partition from `generation` on. Returns the offset to start from. A deferral or a rejection is retried with backoff.
   * Also called after a deferral or a rejection of `batch`, before the same records are redelivered.
   * @param generation grows with each rebalance of the group; a late call of an older generation must be fenced.
   */
  assigned(partition: TopicPartition, generation: number): Promise<number | Deferral>;
  /**
   * Another replica may own the partition soon (a rebalance, a stop): handled batches that wait for their commit must be committed now.
   * Called between batches; the time to wait is limited, and a commit that is too late is fenced. Never rejects.
   */
  releasing?(partition: TopicPartition): Promise<void>;
  /** This replica no longer owns the partition, or the consumer stops. Work in flight for the partition must have no effect. */
  revoked(partition: TopicPartition): void;
  /**
   * Handles a batch. A deferral or a rejection never stops the consumer: the partition is paused, and after a backoff the same records are
   * redelivered. `heartbeat` keeps the membership alive during long work; `commit(next)` commits the offset to the log, for lag tools, as
   * the commit policy says and without waiting for the response.
   */
  batch(batch: RecordBatch, control: BatchControl): Promise<Deferral | void>;
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
  /** When offsets are committed to the log; absent: after each batch. */
  readonly commits?: CommitPolicy;
  readonly observer?: ConsumerObserver;
}

/** Effect of a rebalance of the group on this member. */
export interface Rebalance {
  /** Time at which this member received its assignment (epoch ms). */
  readonly at: number;
  readonly kept: number;
  readonly gained: number;
  readonly lost: number;
}

/** Measurements of a consumer, for metrics. Times are milliseconds. */
export interface ConsumerObserver {
  rebalanced(rebalance: Rebalance): void;
  /** After a rebalance: time from the stop of this member until it handled a waiting record, or was ready when there was none. */
  stalled(ms: number): void;
  /** From one fetch to the next. */
  polled(ms: number): void;
  /** The log has confirmed a commit, or the commit has failed. */
  committed(ms: number, outcome: 'done' | 'failed'): void;
}

export interface ConsumerState {
  readonly group: string;
  readonly topics: readonly string[];
  readonly status: 'connecting' | 'rebalancing' | 'running' | 'stopped' | 'crashed';
  readonly assigned: readonly TopicPartition[];
  /** The latest rebalance, and the number since the start; absent before the first. */
  readonly rebalance?: Rebalance & { readonly count: number };
  /** Partitions that are paused, in backoff after a failure or by command. */
  readonly paused: readonly TopicPartition[];
  /** Pauses by operators, with their author and reason. */
  readonly pauses?: readonly PartitionPause[];
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
  /** Calls `assigned` of the listener again for the start offset, as after a rejected batch. */
  restart(partition: TopicPartition): void;
  /** Finishes the running batches and leaves the group. */
  stop(): Promise<void>;
}

/** A member of a consumer group. */
export interface GroupConsumer extends LogConsumer {
  /** Everything below `next` is in the database; the offset is committed to the log as the commit policy says. */
  commit(partition: TopicPartition, next: number): void;
}

/**
 * The seam to the log: topics with partitions, records with consecutive offsets, consumer groups.
 * Implemented by Kafka and by tables in the embedded database; one contract suite runs on both.
 */
export abstract class EventLog {
  abstract connect(): Promise<void>;
  abstract close(): Promise<void>;
  /** Creates missing topics; never changes existing ones. */
  abstract ensureTopics(topics: readonly NewTopic[]): Promise<void>;
  /** Topic administration, for the tools. */
  abstract readonly topics: TopicAdmin;
  abstract partitions(topic: string): Promise<number>;
  /** The partition of a key; the same for every producer and for Kafka's Java client. */
  abstract partitionFor(topic: string, key: string): Promise<number>;
  /**
   * Appends records. Resolves when they are durable; rejects with {@link PublishError} when the log did not confirm some of them;
   * those that timed out may be in the log. Order within a partition is that of the calls.
   */
  abstract publish(topic: string, records: readonly OutgoingRecord[], options?: PublishOptions): Promise<void>;
  /** Appends one record and returns its position; the offset is −1 when the log does not return one. Rejects as {@link publish}. */
  abstract send(topic: string, record: OutgoingRecord, options?: PublishOptions): Promise<RecordPosition>;
  /** Format of messages; must be set before anything is published or consumed. */
  serializer: Serializer = jsonSerializer;
  /** Counters of published records, for the metrics. */
  readonly producing = new ProducerWatch();
  /**
   * Makes the records part of the database transaction that is open now: they are published if and only if it commits, in order
   * within `orderingKey`. Embedded: rows of the log itself. Kafka: outbox rows that a relay publishes.
   */
  abstract stage(records: readonly (OutgoingRecord & { topic: string })[], orderingKey: string): Promise<void>;
  /** After the commit of a transaction that staged records: wakes their publisher or consumers. */
  abstract staged(orderingKey: string): void;
  /** From now on this process publishes the records staged under the key, in order, starting with those that earlier owners did not publish. */
  abstract acquireOrderingKey(orderingKey: string): void;
  abstract releaseOrderingKey(orderingKey: string): void;
  abstract offsets(topic: string): Promise<PartitionOffsets[]>;
  /** By partition: offset of the first record with a log timestamp at or after `timestamp` (epoch ms); the end of the log when there is none. */
  abstract offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, number>>;
  /** Committed offsets of the group in the log, by partition; absent for a partition without a commit. */
  abstract committed(group: string, topic: string): Promise<Map<number, number>>;
  /** Current members of the group, over all clusters and replicas; empty when the group is stopped or unknown. */
  abstract members(group: string): Promise<readonly GroupMember[]>;
  /** Sets the committed offsets of a group. Rejects when the group has members. */
  abstract setCommitted(group: string, topic: string, offsets: ReadonlyMap<number, number>): Promise<void>;
  /** Reads [from, to) of a partition without a consumer group, oldest first. `to` is limited to the end of the log. */
  abstract read(partition: TopicPartition, from: number, to: number): AsyncIterable<readonly LogRecord[]>;
  abstract subscribe(subscription: Subscription): Promise<GroupConsumer>;
  /** Throws when the log cannot be reached. */
  abstract ping(): Promise<void>;
}
