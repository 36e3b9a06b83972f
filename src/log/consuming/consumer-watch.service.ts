import { Injectable } from '@nestjs/common';
import type { ClaimedBatch } from './claimed-batch.js';
import type { ConsumerObserver, Rebalance, RecordBatch, TopicPartition } from '../event-log.js';

export interface PartitionProgress {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  position: number;
  highWatermark: number;
}

/** Measured durations: a batch, a commit to the log, the time from fetch to fetch, the time without progress around a rebalance. */
export type ConsumerTiming = 'batch' | 'commit' | 'poll' | 'stall';

/** Activity of the consumers of this process; metrics and health only read it. */
@Injectable()
export class ConsumerWatch {
  readonly records = new Map<string, number>();
  readonly batches = new Map<string, number>();
  readonly failures = new Map<string, number>();
  readonly poison = new Map<string, number>();
  readonly progress = new Map<string, PartitionProgress>();

  readonly commitFailures = new Map<string, number>();
  readonly rebalances = new Map<string, number>();
  /** Numbers of partitions that rebalances have kept, gained and lost. */
  readonly moved = new Map<string, number>();
  #timed: (what: ConsumerTiming, group: string, ms: number) => void = () => undefined;

  /** Sets the listener for durations. */
  onTimed(listener: (what: ConsumerTiming, group: string, ms: number) => void): void {
    this.#timed = listener;
  }

  /** Observer for a consumer of the group. */
  observer(group: string): ConsumerObserver {
    return {
      rebalanced: (rebalance) => this.#rebalanced(group, rebalance),
      stalled: (ms) => this.#timed('stall', group, ms),
      polled: (ms) => this.#timed('poll', group, ms),
      committed: (ms, outcome) => {
        this.#timed('commit', group, ms);
        if (outcome === 'failed') add(this.commitFailures, group, 1);
      },
    };
  }

  #rebalanced(group: string, { kept, gained, lost }: Rebalance): void {
    add(this.rebalances, group, 1);
    for (const [change, count] of Object.entries({ kept, gained, lost })) add(this.moved, `${group} ${change}`, count);
  }

  handled(group: string, batch: RecordBatch, position: number, ms: number): void {
    this.#timed('batch', group, ms);
    add(this.records, `${group} ${batch.topic}`, batch.records.length);
    add(this.batches, `${group} ${batch.topic}`, 1);
    const { topic, partition, highWatermark } = batch;
    this.progress.set(`${group} ${topic} ${partition}`, { group, topic, partition, position, highWatermark });
  }

  failed({ group, topic }: TopicPartition & { group: string }, reason: string): void {
    add(this.failures, `${group} ${topic} ${reason}`, 1);
  }

  poisoned({ claim, poison }: ClaimedBatch): void {
    for (const { error } of poison) add(this.poison, `${claim.group} ${claim.topic} ${error.code}`, 1);
  }
}

function add(counts: Map<string, number>, key: string, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
