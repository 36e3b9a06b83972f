import type { ErrorCode } from '../shared/errors.js';
import type { GroupState, TopicState } from './topic-admin.js';

/** A broker as the doctor found it. */
export interface BrokerEvidence {
  readonly address: string;
  /** Named by the settings, or by the cluster itself. */
  readonly known: 'settings' | 'cluster';
  /** Why it cannot be used. */
  readonly problem?: { readonly code: ErrorCode; readonly says: string };
  /** Requests that it and our client have no common version of, in words; absent when it was not asked. */
  readonly incompatible?: readonly string[];
}

/** What one record of a topic says about time. */
export interface RecordTimestamp {
  readonly topic: string;
  readonly partition: number;
  readonly timestamp: number;
}

/** One cluster (or the embedded log) as the doctor found it. */
export interface ClusterEvidence {
  /** main, alert or embedded. */
  readonly name: string;
  readonly brokers: readonly BrokerEvidence[];
  readonly topics: readonly TopicState[];
  readonly groups: readonly GroupState[];
  /** What stages have committed: by stage, topic and partition. */
  readonly committed: readonly { readonly stage: string; readonly topic: string; readonly partition: number; readonly offset: number }[];
  /** Newest record of some partitions. */
  readonly newest: readonly RecordTimestamp[];
  /** Oldest record that a stage has not handled. */
  readonly unhandled: readonly (RecordTimestamp & { readonly stage: string })[];
  /** Why topics and groups could not be asked for. */
  readonly problem?: string;
}

/** Where a stage is, as the database says; undefined while it cannot be asked. */
export type StageCursor = { readonly group: string; readonly topic: string; readonly partition: number; readonly nextOffset: number };
