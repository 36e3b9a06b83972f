import type { BatchControl, LogRecord, PartitionListener, RecordBatch, TopicPartition } from '../../src/log/event-log.js';
import { eventually } from './eventually.js';

/** Notes what a consumer is told; starts every partition where its last batch ended. */
export class RecordingListener implements PartitionListener {
  readonly records: (LogRecord & TopicPartition)[] = [];
  readonly batches: RecordBatch[] = [];
  readonly assignments: (TopicPartition & { generation: number })[] = [];
  readonly revocations: TopicPartition[] = [];
  readonly positions = new Map<string, number>();
  /** Called before a batch is noted; throwing refuses it. */
  onBatch: (batch: RecordBatch, control: BatchControl) => Promise<void> | void = () => undefined;

  assigned(at: TopicPartition, generation: number): Promise<number> {
    this.assignments.push({ topic: at.topic, partition: at.partition, generation });
    return Promise.resolve(this.positions.get(`${at.topic}/${at.partition}`) ?? 0);
  }

  revoked(at: TopicPartition): void {
    this.revocations.push(at);
  }

  async batch(batch: RecordBatch, control: BatchControl): Promise<void> {
    await this.onBatch(batch, control);
    this.batches.push(batch);
    for (const record of batch.records) this.records.push({ ...record, topic: batch.topic, partition: batch.partition });
    this.positions.set(`${batch.topic}/${batch.partition}`, batch.records.at(-1)!.offset + 1);
  }

  values(partition?: number): string[] {
    return this.records.filter((record) => partition === undefined || record.partition === partition).map(({ value }) => String(value));
  }

  async received(count: number): Promise<void> {
    await eventually(() => this.records.length >= count, `${count} records, got ${this.records.length}`);
  }
}
