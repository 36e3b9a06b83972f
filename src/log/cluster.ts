import type { LogConsumer, LogRecord, PartitionListener, PartitionOffsets, Subscription, TopicPartition } from './event-log.js';

export const saslMechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

/** How to reach a Kafka cluster. */
export interface ClusterAccess {
  /** host:port of some brokers; the others are learnt from them. */
  readonly brokers: readonly string[];
  /** Absent: no encryption. An empty object trusts the authorities that Node trusts. Certificates and keys are PEM texts. */
  readonly tls?:
    { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly passphrase?: string; readonly serverName?: string } | undefined;
  readonly sasl?: { readonly mechanism: (typeof saslMechanisms)[number]; readonly username: string; readonly password: string } | undefined;
}

/**
 * Explicit partitions that are read without any group; where they start is the listener's business, as in a group. `generation` grows with
 * each start (epoch ms). Records that are gone show as a gap before the first one that is there. A partition whose log ends before the
 * position, or whose topic was away, is another log: the listener is told `revoked`, and then asked as for a new one.
 */
export interface PartitionAssignment {
  /** Stands for a group in what the listener and the metrics are told. */
  readonly group: string;
  readonly partitions: readonly TopicPartition[];
  /** Most records in one batch. */
  readonly maxRecords: number;
  readonly listener: PartitionListener;
}

/** A consumer of explicit partitions whose set may change while it runs; partitions that stay are not touched. */
export interface AssignedConsumer extends LogConsumer {
  assign(partitions: readonly TopicPartition[]): void;
}

/**
 * One Kafka cluster by its own names: no prefix before topics and groups. What sources of Access, the push to foreign queues and the tools use;
 * the stages' own topics are behind {@link Log}.
 */
export interface Cluster {
  /** Every topic and how many partitions it has; internal topics are left out. Rejects when the cluster does not answer. */
  topics(): Promise<ReadonlyMap<string, number>>;
  offsets(topic: string): Promise<PartitionOffsets[]>;
  /** By partition: offset of the first record at or after `timestamp` (epoch ms); the end of the log when there is none. */
  offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, number>>;
  /** Reads [from, to) of a partition without a group, oldest first. `to` is cut at the end of the log. */
  read(at: TopicPartition, from: number, to: number): AsyncIterable<readonly LogRecord[]>;
  /**
   * A member of a consumer group, whose id is `group` as it is. With `pattern` it takes every topic whose whole name matches, also those
   * that are created later. Topics that are missing or vanish are in the state, and hold up no others.
   * Where a partition starts is what the listener answers.
   */
  subscribe(subscription: Subscription & { readonly pattern?: RegExp }): LogConsumer;
  /** Connects by itself, tries again for ever, and says in its state why it does not run. */
  assign(assignment: PartitionAssignment): AssignedConsumer;
  /** Throws when the cluster cannot be reached, or refuses us. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Opens clusters of other people. Opening never fails and connects lazily: what is wrong shows at the first use. */
export abstract class Clusters {
  abstract open(access: ClusterAccess, clientId: string): Cluster;
}
