import type { TopicPartition } from '../event-log.js';

/** One record of a batch, parsed. */
export interface Message<T> {
  readonly offset: number;
  /** When the log got the record (epoch ms). */
  readonly timestamp: number;
  readonly message: T;
}

/** What a handler gets: the parsed records of one partition, in order, none of which has taken effect before. */
export interface Batch<T> extends TopicPartition {
  readonly records: readonly Message<T>[];
  /** Ownership number of the partition; grows with every claim. Changes when anything kept in memory for the partition must be forgotten. */
  readonly epoch: number;
  /** Outlives the batch: `lost` turns true when the partition is no longer ours. */
  readonly ownership: { readonly lost: boolean };
  /** True when the records took effect in an earlier life and come again only to rebuild memory: nothing that the handler publishes leaves. */
  readonly replay: boolean;
  /** Offset of the latest checkpoint of the partition (0 when there is none): everything below it is in the stored state. */
  readonly stateOffset: number;
  /** True for a batch without records when the partition may go to another owner in a moment: a good time for a checkpoint, and perhaps the last. */
  readonly leaving: boolean;
  /** Says that this transaction stores a state which reflects everything up to the end of this batch. */
  checkpointed(): void;
  /** Keeps the group membership alive in long work; call it every second or so. */
  heartbeat(): Promise<void>;
}
