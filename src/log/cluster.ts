import type { LogConsumer, LogRecord, PartitionListener, PartitionOffsets, Subscription, TopicPartition } from './event-log.js';

export const saslMechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

/** How to reach a Kafka cluster. */
export interface ClusterAccess {
  /** Bootstrap servers (host:port); they return the other brokers. */
  readonly brokers: readonly string[];
  /** Absent: no encryption. An empty object trusts the authorities that Node trusts. Certificates and keys are PEM texts. */
  readonly tls?:
    { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly passphrase?: string; readonly serverName?: string } | undefined;
  readonly sasl?: { readonly mechanism: (typeof saslMechanisms)[number]; readonly username: string; readonly password: string } | undefined;
}

/**
 * Explicit partitions that are read without a consumer group; as in a group, the listener returns the start offset. `generation` grows with
 * each start (epoch ms). Deleted records show as a gap before the first existing one. A partition whose log ends before the position, or
 * whose topic was missing for a time, counts as a new log: the client calls `revoked` and then `assigned` of the listener.
 */
export interface PartitionAssignment {
  /** Group name for the listener and the metrics. */
  readonly group: string;
  readonly partitions: readonly TopicPartition[];
  /** Most records in one batch. */
  readonly maxRecords: number;
  readonly listener: PartitionListener;
}

/** A consumer of explicit partitions whose set may change while it runs; a change does not interrupt partitions that remain. */
export interface AssignedConsumer extends LogConsumer {
  assign(partitions: readonly TopicPartition[]): void;
}

/**
 * One Kafka cluster by its own names: topics and groups have no prefix. The sources of Access, the push to external queues and the tools
 * use it; the topics of the stages are behind {@link EventLog}.
 */
export interface Cluster {
  /** Partition count of every topic except internal ones. Rejects when the cluster does not respond. */
  topics(): Promise<ReadonlyMap<string, number>>;
  offsets(topic: string): Promise<PartitionOffsets[]>;
  /** By partition: offset of the first record at or after `timestamp` (epoch ms); the end of the log when there is none. */
  offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, number>>;
  /** Reads [from, to) of a partition without a consumer group, oldest first. `to` is limited to the end of the log. */
  read(at: TopicPartition, from: number, to: number): AsyncIterable<readonly LogRecord[]>;
  /**
   * Starts a member of a consumer group whose id is `group`, without a prefix. With `pattern` it subscribes to every topic whose whole name
   * matches, including topics that are created later. The state shows topics that are missing or deleted; they do not delay the others.
   * The listener returns the offset at which a partition starts.
   */
  subscribe(subscription: Subscription & { readonly pattern?: RegExp }): LogConsumer;
  /** Connects in the background and retries without a limit; the state shows why the consumer is not running. */
  assign(assignment: PartitionAssignment): AssignedConsumer;
  /** Throws when the cluster cannot be reached, or when authentication or authorization fails. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Opens external clusters. Opening never fails, because the connection is lazy: errors appear at the first use. */
export abstract class Clusters {
  abstract open(access: ClusterAccess, clientId: string): Cluster;
}
