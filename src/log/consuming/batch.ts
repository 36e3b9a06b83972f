import type { TopicPartition } from '../event-log.js';

/** One record of a batch, parsed. */
export interface Message<T> {
  readonly offset: number;
  /** Time at which the log appended the record (epoch ms). */
  readonly timestamp: number;
  readonly message: T;
}

/** Input of a handler: the parsed records of one partition, in order. No transaction with an effect of these records has committed before. */
export interface Batch<T> extends TopicPartition {
  readonly records: readonly Message<T>[];
  /** Fencing token of the partition's owner; grows with every claim. When it changes, in-memory state of the partition must be dropped. */
  readonly epoch: number;
  /** Outlives the batch: `lost` becomes true when this replica no longer owns the partition. */
  readonly ownership: { readonly lost: boolean };
  /** True when the records took effect earlier and are redelivered only to rebuild in-memory state: nothing that the handler publishes is sent. */
  readonly replay: boolean;
  /** Offset of the latest checkpoint of the partition (0 when there is none): everything below it is in the stored state. */
  readonly stateOffset: number;
  /** True for a batch without records before a possible change of the owner: a good moment for a checkpoint, and perhaps the last one. */
  readonly leaving: boolean;
  /** Declares that this transaction stores a state which reflects everything up to the end of this batch. */
  checkpointed(): void;
  /** Keeps the group membership alive during long work; call it about once a second. */
  heartbeat(): Promise<void>;
}
