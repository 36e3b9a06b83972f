import { setImmediate } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Config } from '../config.js';
import type { Batch } from '../log/consuming/batch.js';
import { Publisher } from '../log/publisher.service.js';
import { type RawEvent, type RawRecord, topics } from '../topics.js';
import { CheckpointRepository } from './checkpoint.repository.js';
import { Clock } from './clock.service.js';
import { type AlertDraft, PartitionFold } from './fold.js';
import { headOf } from './head-block.js';
import { RuleCache } from './rule-cache.service.js';

/** The state of one partition, valid for one epoch of its ownership. */
interface PartitionState {
  readonly epoch: number;
  readonly ownership: { readonly lost: boolean };
  readonly partition: number;
  readonly fold: PartitionFold;
  checkpointAt: number;
}

/** Time (ms) after which a running batch lets other work run. */
const SLICE_MS = 8;

/** Runs the fold over batches: loads and stores its state, loads the rules, and publishes the alerts that it emits. */
@Injectable()
export class DetectService implements OnApplicationBootstrap {
  readonly #partitions = new Map<number, PartitionState>();

  constructor(
    private readonly publisher: Publisher,
    private readonly checkpoints: CheckpointRepository,
    private readonly rules: RuleCache,
    private readonly clock: Clock,
    private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    this.clock.start(() => this.folds().map(({ partition, fold }) => ({ partition, rulesVersion: fold.rulesVersion, waiting: fold.waiting })));
  }

  /** The folds of the partitions that this process owns. Drops those of lost partitions. */
  folds(): readonly { partition: number; fold: PartitionFold }[] {
    for (const { partition, ownership } of this.#partitions.values()) if (ownership.lost) this.#partitions.delete(partition);
    return [...this.#partitions.values()];
  }

  async fold(batch: Batch<RawRecord>): Promise<void> {
    const state = await this.#load(batch);
    const slice = new Slice(batch);
    for (const { offset, message } of batch.records) {
      const emit = (draft: AlertDraft): void => this.#publish(batch, offset, draft);
      const events = 'events' in message ? (message.events as RawEvent[]) : [message as RawEvent];
      for (const event of events) {
        if (event.event_type === 'tick' && event.raw_data.rules_version > state.fold.rulesVersion) {
          const rules = await this.rules.at(event.raw_data.rules_version);
          slice.start();
          for (const _step of state.fold.changeRules(rules, event.timestamp, emit)) if (slice.over()) await slice.pause();
          state.checkpointAt = 0;
        }
        state.fold.apply(event, emit);
      }
      if (slice.over()) await slice.pause();
    }
    if (!batch.replay && (batch.leaving || Date.now() - state.checkpointAt >= this.config.DETECT_CHECKPOINT_MS)) await this.#checkpoint(batch, state);
  }

  /** The state of the partition; after a claim it is restored from the latest checkpoint, and the records since then come as a replay. */
  async #load(batch: Batch<RawRecord>): Promise<PartitionState> {
    const known = this.#partitions.get(batch.partition);
    if (known?.epoch === batch.epoch) return known;
    this.#partitions.delete(batch.partition);
    const blocks = await this.checkpoints.load(batch);
    const options = { identifyBy: this.config.PARTITION_KEY };
    const fold =
      blocks.length > 0 ? PartitionFold.restore(options, await this.rules.at(headOf(blocks).rulesVersion), blocks) : new PartitionFold(options);
    const state = { epoch: batch.epoch, ownership: batch.ownership, partition: batch.partition, fold, checkpointAt: Date.now() };
    this.#partitions.set(batch.partition, state);
    return state;
  }

  #publish(batch: Batch<RawRecord>, offset: number, draft: AlertDraft): void {
    if (batch.replay) return;
    this.publisher.publish(topics.alerts, {
      ...draft,
      source: { topic: batch.topic, partition: batch.partition, offset },
      epoch: batch.epoch,
    });
  }

  async #checkpoint(batch: Batch<RawRecord>, state: PartitionState): Promise<void> {
    const changed = state.fold.dirtyBlocks();
    const removed = state.fold.removedBlocks();
    state.checkpointAt = Date.now();
    if (changed.length === 0 && removed.length === 0) return;
    await this.checkpoints.save(batch, changed, removed);
    batch.checkpointed();
    state.fold.markClean();
  }
}

/** The time that a batch has used since other work last ran. */
class Slice {
  #startedAt = performance.now();

  constructor(private readonly batch: Pick<Batch<unknown>, 'heartbeat'>) {}

  start(): void {
    this.#startedAt = performance.now();
  }

  over(): boolean {
    return performance.now() - this.#startedAt > SLICE_MS;
  }

  async pause(): Promise<void> {
    await this.batch.heartbeat();
    await setImmediate();
    this.start();
  }
}
