import type { PoisonError } from '../../shared/errors.js';
import type { Batch, Message } from './batch.js';
import type { LogRecord, TopicPartition } from '../event-log.js';

/** Ownership of a partition by this replica, with its progress. */
export interface Claim extends TopicPartition {
  readonly group: string;
  readonly epoch: number;
  readonly stateOffset: number;
  /** Next offset of the cursor in the database. */
  committed: number;
  /** Next offset of the in-memory state; ahead of `committed` while a stateful stage waits for its commit. */
  position: number;
  committedAt: number;
  /** Set when another replica owns the partition, or when the in-memory state may be wrong. */
  lost: boolean;
  /** Records that a handler refused; they go to the dead-letter topic when the batch is retried. */
  readonly refused: Map<number, PoisonError>;
}

/** A record that can never be processed, with the details for its dead letter. */
export interface PoisonRecord {
  readonly record: LogRecord;
  readonly error: PoisonError;
}

/** A batch inside the interceptor: raw records in, parsed messages for the handler. */
export class ClaimedBatch implements Batch<unknown> {
  records: readonly Message<unknown>[] = [];
  hasCheckpoint = false;
  /** Records that went to the dead-letter topic; known after the batch was handled. */
  poison: readonly PoisonRecord[] = [];

  constructor(
    readonly claim: Claim,
    readonly raw: readonly LogRecord[],
    readonly replay: boolean,
    private readonly beat: () => Promise<void> = () => Promise.resolve(),
    readonly leaving = false,
  ) {}

  get topic(): string {
    return this.claim.topic;
  }

  get partition(): number {
    return this.claim.partition;
  }

  get epoch(): number {
    return this.claim.epoch;
  }

  get ownership(): { readonly lost: boolean } {
    return this.claim;
  }

  get stateOffset(): number {
    return this.claim.stateOffset;
  }

  /** Offset after the last record; the position itself when there is none. */
  get end(): number {
    const last = this.raw.at(-1);
    return last ? last.offset + 1 : this.claim.position;
  }

  checkpointed(): void {
    this.hasCheckpoint = true;
  }

  heartbeat(): Promise<void> {
    return this.beat();
  }
}
