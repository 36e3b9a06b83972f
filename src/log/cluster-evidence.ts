import type { ErrorCode } from '../shared/errors.js';
import type { GroupState, TopicState } from './topic-admin.js';

/** State of a broker as `doctor` found it. */
export interface BrokerEvidence {
  readonly address: string;
  /** The address comes from the settings, or from the metadata of the cluster. */
  readonly known: 'settings' | 'cluster';
  /** Why it cannot be used. */
  readonly problem?: { readonly code: ErrorCode; readonly says: string };
  /** Requests without a version that both the broker and the client support, as sentences; absent when the broker was not asked. */
  readonly incompatible?: readonly string[];
}

/** Timestamps of one record of a topic. */
export interface RecordTimestamp {
  readonly topic: string;
  readonly partition: number;
  readonly timestamp: number;
}

/** State of one cluster (or of the embedded log) as `doctor` found it. */
export interface ClusterEvidence {
  /** main, alert or embedded. */
  readonly name: string;
  readonly brokers: readonly BrokerEvidence[];
  readonly topics: readonly TopicState[];
  readonly groups: readonly GroupState[];
  /** Committed offsets of the stages, by stage, topic and partition. */
  readonly committed: readonly { readonly stage: string; readonly topic: string; readonly partition: number; readonly offset: number }[];
  /** Newest record of some partitions. */
  readonly newest: readonly RecordTimestamp[];
  /** Oldest record that a stage has not handled. */
  readonly unhandled: readonly (RecordTimestamp & { readonly stage: string })[];
  /** Why topics and groups could not be listed. */
  readonly problem?: string;
}

/** Position of a stage according to its cursor in the database. */
export type StageCursor = { readonly group: string; readonly topic: string; readonly partition: number; readonly nextOffset: number };
