import type { PoisonError } from '../../shared/errors.js';
import type { Batch, Message } from './batch.js';
import type { LogRecord, TopicPartition } from '../event-log.js';

/** Our ownership of a partition, and how far we are in it. */
export interface Claim extends TopicPartition {
  readonly group: string;
  readonly epoch: number;
  readonly stateOffset: number;
  /** Where the database's cursor stands. */
  committed: number;
  /** Where the memory stands; ahead of `committed` while a stateful stage waits for its commit. */
  position: number;
  committedAt: number;
  /** Set when somebody else owns the partition, or when the memory can no longer be trusted. */
  lost: boolean;
  /** Records that a handler refused; they go to the dead letters when the batch comes again. */
  readonly refused: Map<number, PoisonError>;
}

/** A record that cannot work, with what the dead-letter topic needs to know of it. */
export interface PoisonRecord {
  readonly record: LogRecord;
  readonly error: PoisonError;
}

/** A batch on its way through the interceptor: raw records in, parsed messages for the handler. */
export class ClaimedBatch implements Batch<unknown> {
  records: readonly Message<unknown>[] = [];
  hasCheckpoint = false;
  /** What went to the dead letters; known after the batch was handled. */
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
