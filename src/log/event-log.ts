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
  /** Bytes are those of a record that goes on as it came. */
  readonly key: string | Buffer | null;
  readonly value: string | Buffer | null;
  readonly partition?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface PublishOptions {
  /** Most time that the log may take; what it has not confirmed then fails. Default: KAFKA_DELIVERY_TIMEOUT_MS. */
  readonly timeoutMs?: number;
}

/** Where a record stands. */
export interface RecordPosition {
  readonly partition: number;
  readonly offset: number;
}

export interface PartitionOffsets {
  readonly partition: number;
  /** Offset of the oldest record that is still there. */
  readonly low: number;
  /** Offset that the next record will get. */
  readonly high: number;
}

/** What a consumer calls when a partition is assigned, has records, or is revoked. All calls for one partition are sequential. */
export interface PartitionListener {
  /**
   * The partition is ours from `generation` on. Answers the offset to start from. A deferral or a rejection is tried again with backoff.
   * Also called after a deferral or a rejection of `batch`, before the same records come again.
   * @param generation grows with each rebalance of the group; a late caller of an older one must lose.
   */
  assigned(partition: TopicPartition, generation: number): Promise<number | Deferral>;
  /**
   * The partition may be somebody else's in a moment (a rebalance, a stop): what was handled but still waits is to be stored now.
   * Called between batches; nobody waits for long, and what comes too late is fenced off. Never rejects.
   */
  releasing?(partition: TopicPartition): Promise<void>;
  /** The partition is no longer ours, or the consumer stops. Nothing that it still does may be believed. */
  revoked(partition: TopicPartition): void;
  /**
   * Handles a batch. A deferral or a rejection never stops the consumer: the partition is paused, and after a backoff the same records come again.
   * `heartbeat` keeps the membership alive in long work; `commit(next)` tells the log how far the group is, for its lag tools, as the
   * commit policy says and without waiting for its answer.
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
  /** When the log is told how far the group is; absent: after each batch. */
  readonly commits?: CommitPolicy;
  readonly observer?: ConsumerObserver;
}

/** What a rebalance of the group meant for this member. */
export interface Rebalance {
  /** When this member knew its partitions (epoch ms). */
  readonly at: number;
  readonly kept: number;
  readonly gained: number;
  readonly lost: number;
}

/** What a consumer tells of itself, for metrics. Times are milliseconds. */
export interface ConsumerObserver {
  rebalanced(rebalance: Rebalance): void;
  /** After a rebalance: from the moment this member stopped until it handled a record that was waiting, or was ready while none was. */
  stalled(ms: number): void;
  /** From one fetch to the next. */
  polled(ms: number): void;
  /** The log has answered a commit, or has not. */
  committed(ms: number, outcome: 'done' | 'failed'): void;
}

export interface ConsumerState {
  readonly group: string;
  readonly topics: readonly string[];
  readonly status: 'connecting' | 'rebalancing' | 'running' | 'stopped' | 'crashed';
  readonly assigned: readonly TopicPartition[];
  /** The latest rebalance, and how many there were since the start; absent before the first. */
  readonly rebalance?: Rebalance & { readonly count: number };
  /** Partitions that wait after a failure, or by command. */
  readonly paused: readonly TopicPartition[];
  /** Partitions that people have paused: who and why. */
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
  /** Asks the listener again where to start, as after a refused batch. */
  restart(partition: TopicPartition): void;
  /** Finishes the running batches, leaves the group. */
  stop(): Promise<void>;
}

/** A member of a consumer group. */
export interface GroupConsumer extends LogConsumer {
  /** Everything below `next` is in the database; the log is told as the commit policy says. */
  commit(partition: TopicPartition, next: number): void;
}

/**
 * The seam to the log: topics with partitions, records with consecutive offsets, consumer groups.
 * Implemented by Kafka and by tables in the embedded database; one contract suite runs on both.
 */
export abstract class EventLog {
  abstract connect(): Promise<void>;
  abstract close(): Promise<void>;
  /** Creates what is missing; never changes what exists. */
  abstract ensureTopics(topics: readonly NewTopic[]): Promise<void>;
  /** The topics themselves, for the tools. */
  abstract readonly topics: TopicAdmin;
  abstract partitions(topic: string): Promise<number>;
  /** The partition of a key; the same for every producer and for Kafka's Java client. */
  abstract partitionFor(topic: string, key: string): Promise<number>;
  /**
   * Appends records. Resolves when they are durable; rejects with {@link PublishError} when the log did not confirm some of them:
   * it may have those that timed out. Order within a partition is that of the calls.
   */
  abstract publish(topic: string, records: readonly OutgoingRecord[], options?: PublishOptions): Promise<void>;
  /** Appends one record and answers where it stands; offset −1 where the log does not say. Rejects as {@link publish}. */
  abstract send(topic: string, record: OutgoingRecord, options?: PublishOptions): Promise<RecordPosition>;
  /** How messages become bytes; to be set before anything is published or consumed. */
  serializer: Serializer = jsonSerializer;
  /** What was published, for the metrics. */
  readonly producing = new ProducerWatch();
  /**
   * Makes the records part of the database transaction that is open now: they are published if and only if it commits, in order
   * within `orderingKey`. Embedded: rows of the log itself. Kafka: outbox rows that a relay publishes.
   */
  abstract stage(records: readonly (OutgoingRecord & { topic: string })[], orderingKey: string): Promise<void>;
  /** After the commit of a transaction that staged records: wake those who wait for them. */
  abstract staged(orderingKey: string): void;
  /** From now on this process publishes the records staged under the key, in order, starting with those that earlier owners left. */
  abstract acquireOrderingKey(orderingKey: string): void;
  abstract releaseOrderingKey(orderingKey: string): void;
  abstract offsets(topic: string): Promise<PartitionOffsets[]>;
  /** By partition: offset of the first record that the log got at or after `timestamp` (epoch ms); the end of the log when there is none. */
  abstract offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, number>>;
  /** What the group has committed to the log, by partition; absent when it never did. */
  abstract committed(group: string, topic: string): Promise<Map<number, number>>;
  /** Who consumes in the group at the moment, over all clusters and replicas; nobody when it is stopped or unknown. */
  abstract members(group: string): Promise<readonly GroupMember[]>;
  /** Sets what a group has committed. It must have no members: rejects when the log sees one. */
  abstract setCommitted(group: string, topic: string, offsets: ReadonlyMap<number, number>): Promise<void>;
  /** Reads [from, to) of a partition without a group, oldest first. `to` is cut at the end of the log. */
  abstract read(partition: TopicPartition, from: number, to: number): AsyncIterable<readonly LogRecord[]>;
  abstract subscribe(subscription: Subscription): Promise<GroupConsumer>;
  /** Throws when the log cannot be reached. */
  abstract ping(): Promise<void>;
}
