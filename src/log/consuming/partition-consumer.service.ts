import type { Logger } from '@nestjs/common';
import { Mutex } from '../../database/mutex.js';
import { boundsOf } from '../bounds.js';
import type { CursorRepository } from '../cursor.repository.js';
import { type Deferral, isDeferral } from '../deferral.js';
import type { BatchControl, LogConsumer, LogRecord, PartitionOffsets, RecordBatch, TopicPartition } from '../event-log.js';
import { FencedError } from '../fenced-error.js';
import { partitionName } from '../topic-partition.js';
import type { PoisonRecord } from './claimed-batch.js';
import type { PartitionPause } from './partition-pause.js';
import type { PartitionPauses } from './partition-pauses.service.js';
import { pauseCheck, poisonOutcomes, suspicion, unhandled } from './partition-steps.js';
import { PoisonLimit, type PoisonLimits } from './poison-limit.js';
import { type FaultTexts, type PartitionFault, positionFault, type PartitionProgressOffsets } from './position-fault.js';

/** A partition whose cursor this replica owns. */
export interface ClaimedPartition extends PartitionProgressOffsets {
  readonly epoch: number;
  /** Another replica owns the partition, or its state can no longer be trusted: it is claimed again before the next batch. */
  readonly lost: boolean;
}

/** Records that a step has handled, and which of them are poison. Replayed records are excluded: they do not count towards the poison limit. */
export interface HandledRecords {
  readonly records: readonly LogRecord[];
  readonly poison: readonly PoisonRecord[];
}

/** The steps that differ between kinds of consumer groups. */
export interface PartitionSteps<P extends ClaimedPartition> {
  /** Acquires the cursor; the group decides where a partition without one starts. `previous` is the earlier claim, which has ended. */
  claim(at: TopicPartition, generation: number, bounds: PartitionOffsets, previous: P | undefined): Promise<P | Deferral>;
  /** Loads the state of the partition before its first record. */
  prepare?(claimed: P): Promise<void>;
  /** Runs before the partition receives records; a deferral postpones them. */
  starting?(claimed: P, at: TopicPartition): Deferral | undefined;
  /** Decodes, handles and commits records. A deferral has handled nothing. */
  handle(claimed: P, records: readonly LogRecord[], batch: RecordBatch, control: BatchControl): Promise<HandledRecords | Deferral>;
  /** After the poison limit: reports the position to the log. */
  settle?(claimed: P, control: BatchControl): Promise<void>;
  failed?(claimed: P, at: TopicPartition, error: unknown): void;
  /** The claim has ended; work in flight no longer has an effect. */
  dropped(claimed: P, at: TopicPartition): void;
  revoked?(at: TopicPartition): void;
}

/** Context that all partitions of a consumer group share. */
export interface ConsumedGroup<P extends ClaimedPartition> {
  readonly name: string;
  readonly eventLog: { offsets(topic: string): Promise<readonly PartitionOffsets[]> };
  readonly cursors: Pick<CursorRepository, 'renew'>;
  readonly pauses: PartitionPauses;
  readonly steps: PartitionSteps<P>;
  readonly poisonLimits: PoisonLimits;
  readonly faultTexts: FaultTexts;
  readonly logger: Logger;
  /** `idle`: a paused partition stays assigned and idle. `deferred`: its assignment is deferred, so that the state of the client shows the reason. */
  readonly whilePaused: 'idle' | 'deferred';
  /** Derives the generation of a claim from that of the client. */
  readonly generationOf: (generation: number) => number;
  readonly client: () => LogConsumer | undefined;
}

/**
 * One partition of a consumer group: pause check → gap check → decode, handle, commit → poison limit. It decides where the partition starts
 * and never skips records: a fault halts the partition. Calls are sequential.
 */
export class PartitionConsumer<P extends ClaimedPartition> {
  readonly #mutex = new Mutex();
  #claimed: P | undefined;
  #poisonLimit: PoisonLimit | undefined;

  constructor(
    readonly at: TopicPartition,
    private readonly group: ConsumedGroup<P>,
  ) {}

  /** The current claim, including one that is lost and not yet replaced. */
  get claimed(): P | undefined {
    return this.#claimed;
  }

  /** Runs `work` while no batch of the partition is handled. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    const release = await this.#mutex.acquire();
    try {
      return await work();
    } finally {
      release();
    }
  }

  assigned(clientGeneration: number): Promise<number | Deferral> {
    const generation = this.group.generationOf(clientGeneration);
    return this.alone(async () => {
      const kept = this.#claimed;
      const claimed = kept && !kept.lost && (await this.#renewed(kept, generation)) ? kept : await this.#claim(generation);
      return isDeferral(claimed) ? claimed : this.#start(claimed);
    });
  }

  #start(claimed: P): number | Deferral {
    const { pauses, steps, whilePaused, client } = this.group;
    const paused = pauseCheck(pauses.of(this.at));
    if (paused && whilePaused === 'deferred') return paused;
    const deferral = steps.starting?.(claimed, this.at);
    if (deferral) return deferral;
    if (paused) client()?.pause(this.at);
    return claimed.position;
  }

  async #renewed({ epoch }: P, generation: number): Promise<boolean> {
    try {
      await this.group.cursors.renew(this.group.name, this.at, epoch, generation, Date.now());
      return true;
    } catch (error) {
      if (!(error instanceof FencedError)) throw error;
      return false;
    }
  }

  async #claim(generation: number): Promise<P | Deferral> {
    const { steps, pauses, eventLog, faultTexts } = this.group;
    const previous = this.#claimed;
    this.drop();
    const bounds = await boundsOf(eventLog, this.at);
    if (!bounds) throw new Error(`${partitionName(this.at)} does not exist`);
    const claimed = await steps.claim(this.at, generation, bounds, previous);
    if (isDeferral(claimed)) return claimed;
    this.#claimed = claimed;
    // The previous owner may have moved the cursor after the first check; since the claim only this replica moves it.
    const fault = positionFault(claimed, bounds, faultTexts) && (await this.#fault(claimed));
    await pauses.claim(this.at, fault, Date.now());
    if (!fault) await this.#prepare(claimed);
    return claimed;
  }

  /** Loads the state of the claim; drops the claim when that fails. */
  async #prepare(claimed: P): Promise<void> {
    try {
      await this.group.steps.prepare?.(claimed);
    } catch (error) {
      this.drop();
      throw error;
    }
  }

  batch(batch: RecordBatch, control: BatchControl): Promise<Deferral | undefined> {
    return this.alone(() => this.#batch(batch, control));
  }

  async #batch(batch: RecordBatch, control: BatchControl): Promise<Deferral | undefined> {
    const claimed = this.#claimed;
    if (!claimed || claimed.lost) throw new FencedError('not acquired');
    const paused = this.#paused();
    if (paused) return paused;
    const records = unhandled(batch.records, claimed.position);
    const halted = await this.#gap(claimed, records[0]);
    if (halted || records.length === 0) return halted;
    const handled = await this.#handle(claimed, records, batch, control);
    if (isDeferral(handled)) return handled;
    await this.group.steps.settle?.(claimed, control);
    return undefined;
  }

  #paused(): Deferral | undefined {
    const paused = pauseCheck(this.group.pauses.of(this.at));
    if (paused && this.group.whilePaused === 'idle') this.group.client()?.pause(this.at);
    return paused;
  }

  async #gap(claimed: P, first: LogRecord | undefined): Promise<Deferral | undefined> {
    if (!suspicion(first, claimed.position)) return undefined;
    const fault = await this.#fault(claimed);
    if (!fault) return undefined;
    await this.#halt(fault);
    return { reason: 'halted', why: fault.why };
  }

  async #fault(claimed: P): Promise<PartitionFault | undefined> {
    const bounds = await boundsOf(this.group.eventLog, this.at);
    return bounds && positionFault(claimed, bounds, this.group.faultTexts);
  }

  async #handle(claimed: P, records: readonly LogRecord[], batch: RecordBatch, control: BatchControl): Promise<HandledRecords | Deferral> {
    try {
      const handled = await this.group.steps.handle(claimed, records, batch, control);
      if (!isDeferral(handled)) await this.#judge(handled);
      return handled;
    } catch (error) {
      this.group.steps.failed?.(claimed, this.at, error);
      throw error;
    }
  }

  /** Applies the poison limit: the records stay committed, but the partition is halted before its next batch. */
  async #judge({ records, poison }: HandledRecords): Promise<void> {
    const limit = (this.#poisonLimit ??= new PoisonLimit(this.group.poisonLimits));
    const why = limit.note(poisonOutcomes(records, poison));
    if (why) await this.#halt({ code: 'T6103', why });
  }

  /** Resets the poison limit: earlier records no longer count. */
  forgetPoison(): void {
    this.#poisonLimit = undefined;
  }

  async #halt(fault: PartitionFault): Promise<void> {
    const { pauses, whilePaused, client } = this.group;
    await pauses.halt(this.at, fault, Date.now());
    if (whilePaused === 'idle') client()?.pause(this.at);
  }

  /** Applies the pause rows of the group, read at `readAt` (epoch ms): an operator may have paused or resumed the partition. */
  follow(rows: readonly PartitionPause[], readAt: number): void {
    const { pauses, logger, whilePaused, client } = this.group;
    const change = pauses.follow(this.at, rows, readAt);
    if (!change) return;
    logger.log(`${partitionName(this.at)} ${change.isPaused ? `paused: ${pauses.of(this.at)?.why}` : 'resumed'}`);
    if (change.restart) this.forgetPoison();
    if (whilePaused === 'deferred') this.drop();
    else if (change.isPaused) client()?.pause(this.at);
    else client()?.resume(this.at);
    if (change.restart || whilePaused === 'deferred') client()?.restart(this.at);
  }

  revoked(): void {
    this.drop();
    this.group.pauses.forget(this.at);
    this.group.steps.revoked?.(this.at);
  }

  /** Ends the claim, if there is one. */
  drop(): void {
    const claimed = this.#claimed;
    this.#claimed = undefined;
    if (claimed) this.group.steps.dropped(claimed, this.at);
  }
}
