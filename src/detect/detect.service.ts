import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Config } from '../config.js';
import type { Batch } from '../log/consuming/batch.js';
import { Publisher } from '../log/publisher.service.js';
import { type RawEvent, type RawRecord, topics } from '../topics.js';
import { CheckpointRepository } from './checkpoint.repository.js';
import { Clock } from './clock.service.js';
import { type AlertDraft, PartitionFold } from './fold.js';
import { snapshotRulesVersion } from './snapshot.js';
import type { RuleSet } from './strategy.js';
import { StrategyRepository } from './strategy.repository.js';

/** The memory of one partition, valid for one epoch of its ownership. */
interface Held {
  readonly epoch: number;
  readonly ownership: { readonly lost: boolean };
  readonly partition: number;
  readonly fold: PartitionFold;
  checkpointAt: number;
}

/** Milliseconds of folding after which other work gets its turn. */
const SLICE_MS = 10;

/** Runs the fold over batches: loads and stores its memory, brings it the rules, publishes what it emits. */
@Injectable()
export class DetectService implements OnApplicationBootstrap {
  readonly #held = new Map<number, Held>();
  readonly #rules = new Map<number, RuleSet>();

  constructor(
    private readonly publisher: Publisher,
    private readonly checkpoints: CheckpointRepository,
    private readonly strategies: StrategyRepository,
    private readonly clock: Clock,
    private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    this.clock.start(() => this.folds().map(({ partition, fold }) => ({ partition, rulesVersion: fold.rulesVersion, waiting: fold.waiting })));
  }

  /** The folds of the partitions that this process owns. Those of lost ones are forgotten here. */
  folds(): readonly { partition: number; fold: PartitionFold }[] {
    for (const { partition, ownership } of this.#held.values()) if (ownership.lost) this.#held.delete(partition);
    return [...this.#held.values()];
  }

  async fold(batch: Batch<RawRecord>): Promise<void> {
    const held = await this.#load(batch);
    let sliceStart = performance.now();
    for (const { offset, message } of batch.records) {
      const emit = (draft: AlertDraft): void => this.#publish(batch, offset, draft);
      const events = 'events' in message ? (message.events as RawEvent[]) : [message as RawEvent];
      for (const event of events) {
        if (event.event_type === 'tick' && event.raw_data.rules_version > held.fold.rulesVersion) {
          held.fold.changeRules(await this.#rulesAt(event.raw_data.rules_version), event.timestamp, emit);
          held.checkpointAt = 0;
        }
        held.fold.apply(event, emit);
      }
      if (performance.now() - sliceStart > SLICE_MS) {
        await batch.heartbeat();
        await new Promise((resolve) => setImmediate(resolve));
        sliceStart = performance.now();
      }
    }
    if (!batch.replay && (batch.leaving || Date.now() - held.checkpointAt >= this.config.DETECT_CHECKPOINT_MS)) await this.#checkpoint(batch, held);
  }

  /** The memory of the partition; after a claim it is built from the latest checkpoint, and the records since then come as replay. */
  async #load(batch: Batch<RawRecord>): Promise<Held> {
    const known = this.#held.get(batch.partition);
    if (known?.epoch === batch.epoch) return known;
    this.#held.delete(batch.partition);
    const blocks = await this.checkpoints.load(batch);
    const options = { identifyBy: this.config.PARTITION_KEY };
    const fold =
      blocks.length > 0 ? PartitionFold.restore(options, await this.#rulesAt(snapshotRulesVersion(blocks)), blocks) : new PartitionFold(options);
    const held = { epoch: batch.epoch, ownership: batch.ownership, partition: batch.partition, fold, checkpointAt: Date.now() };
    this.#held.set(batch.partition, held);
    return held;
  }

  async #rulesAt(version: number): Promise<RuleSet> {
    let rules = this.#rules.get(version);
    if (!rules) {
      rules = await this.strategies.rulesAt(version);
      if (this.#rules.size > 8) this.#rules.clear();
      this.#rules.set(version, rules);
    }
    return rules;
  }

  #publish(batch: Batch<RawRecord>, offset: number, draft: AlertDraft): void {
    if (batch.replay) return;
    this.publisher.publish(topics.alerts, {
      ...draft,
      source: { topic: batch.topic, partition: batch.partition, offset },
      epoch: batch.epoch,
    });
  }

  async #checkpoint(batch: Batch<RawRecord>, held: Held): Promise<void> {
    const changed = held.fold.dirtyBlocks();
    const removed = held.fold.removedBlocks();
    held.checkpointAt = Date.now();
    if (changed.length === 0 && removed.length === 0) return;
    await this.checkpoints.save(batch, changed, removed);
    batch.checkpointed();
    held.fold.markClean();
  }
}
