import type { Logger } from '@nestjs/common';
import { PoisonError } from '../../shared/errors.js';
import type { CursorRepository } from '../cursor.repository.js';
import type { Deferral } from '../deferral.js';
import type { BatchControl, EventLog, LogRecord, PartitionOffsets, RecordBatch, TopicPartition } from '../event-log.js';
import { partitionName } from '../topic-partition.js';
import { type Claim, ClaimedBatch, type PoisonRecord } from './claimed-batch.js';
import type { ConsumerWatch } from './consumer-watch.service.js';
import { orderingKeyOf } from './ordering-key.js';
import type { HandledRecords, PartitionSteps } from './partition-consumer.service.js';
import { batchFailure } from './partition-steps.js';
import { messageOf } from '../../shared/error-message.js';

/** Dependencies of the steps of a stage. */
export interface StageContext {
  readonly group: string;
  readonly eventLog: EventLog;
  readonly cursors: CursorRepository;
  readonly watch: ConsumerWatch;
  readonly logger: Logger;
  readonly isStateful: () => boolean;
  /** Runs the handler that `@Consume` bound, behind the interceptor that decodes and commits. */
  readonly dispatch: (batch: ClaimedBatch) => Promise<void>;
}

/** The steps of a stage: the interceptor decodes, runs the handler and commits; a stateful stage replays the records since its checkpoint first. */
export class StageSteps implements PartitionSteps<Claim> {
  constructor(private readonly context: StageContext) {}

  async claim(
    { topic, partition }: TopicPartition,
    generation: number,
    { low }: PartitionOffsets,
    previous: Claim | undefined,
  ): Promise<Claim | Deferral> {
    const { group, cursors, isStateful } = this.context;
    const cursor = await cursors.claim(group, { topic, partition }, generation, low, Date.now());
    if (!cursor) return { reason: 'not claimed', why: 'owned by a newer generation' };
    return {
      group,
      topic,
      partition,
      epoch: cursor.epoch,
      stateOffset: cursor.stateOffset,
      committed: cursor.nextOffset,
      position: isStateful() ? cursor.stateOffset : cursor.nextOffset,
      committedAt: Date.now(),
      lost: false,
      refused: previous?.refused ?? new Map<number, PoisonError>(),
    };
  }

  async prepare(claim: Claim): Promise<void> {
    if (this.context.isStateful()) await this.context.dispatch(new ClaimedBatch(claim, [], claim.position < claim.committed));
  }

  starting({ group }: Claim, at: TopicPartition): undefined {
    this.context.eventLog.acquireOrderingKey(orderingKeyOf(group, at));
  }

  async handle(claim: Claim, records: readonly LogRecord[], batch: RecordBatch, control: BatchControl): Promise<HandledRecords> {
    const { group, watch } = this.context;
    const from = performance.now();
    const replayed = records.filter(({ offset }) => offset < claim.committed);
    if (replayed.length > 0) await this.context.dispatch(new ClaimedBatch(claim, replayed, true, () => control.heartbeat()));
    const live = replayed.length > 0 ? records.slice(replayed.length) : records;
    const poison = live.length > 0 ? await this.#live(new ClaimedBatch(claim, live, false, () => control.heartbeat())) : [];
    watch.handled(group, batch, claim.position, performance.now() - from);
    return { records: live, poison };
  }

  async #live(batch: ClaimedBatch): Promise<readonly PoisonRecord[]> {
    await this.context.dispatch(batch);
    this.context.watch.poisoned(batch);
    return batch.poison;
  }

  settle({ committed }: Claim, control: BatchControl): Promise<void> {
    return control.commit(committed);
  }

  /** Commits handled batches that wait for their commit; runs between batches. */
  async flush(claim: Claim, leaving: boolean): Promise<void> {
    await this.context.dispatch(new ClaimedBatch(claim, [], false, undefined, leaving));
  }

  /** After a failure the state of a stateful stage may be incomplete, and a fenced claim has ended: both are claimed again before the retry. */
  failed(claim: Claim, at: TopicPartition, error: unknown): void {
    const { isStateful, watch, logger } = this.context;
    const failure = batchFailure(error);
    if (error instanceof PoisonError && error.offset !== undefined) claim.refused.set(error.offset, error);
    if (isStateful() || failure === 'fenced') claim.lost = true;
    watch.failed(claim, failure === 'poison' ? 'error' : failure);
    const [name, detail] = [partitionName(at), messageOf(error)];
    if (error instanceof PoisonError) logger.warn(`${name} at ${error.offset ?? claim.position}: ${detail}; sent to the dead-letter topic`);
    else if (failure === 'fenced') logger.warn(`${name}: ${detail}; acquiring the partition again`);
    else if (failure === 'error')
      logger.error(`${name} at ${claim.position}: ${detail}; retrying the batch`, error instanceof Error ? error.stack : undefined);
    else logger.warn(`${name} at ${claim.position}: ${detail} (${failure}); retrying the batch`);
  }

  dropped(claim: Claim): void {
    claim.lost = true;
  }

  revoked(at: TopicPartition): void {
    this.context.eventLog.releaseOrderingKey(orderingKeyOf(this.context.group, at));
  }
}
