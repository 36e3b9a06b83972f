import { Injectable } from '@nestjs/common';
import type { ClaimedBatch } from './claimed-batch.js';
import type { RecordBatch, TopicPartition } from './log.js';

export interface PartitionProgress {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  position: number;
  highWatermark: number;
}

/** What the consumers of this process did: read by metrics and health, changed by nobody else. */
@Injectable()
export class ConsumerWatch {
  readonly records = new Map<string, number>();
  readonly batches = new Map<string, number>();
  readonly failures = new Map<string, number>();
  readonly poison = new Map<string, number>();
  readonly progress = new Map<string, PartitionProgress>();

  handled(group: string, batch: RecordBatch, position: number): void {
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
