import type { Deferral } from '../deferral.js';
import type { BatchControl, PartitionListener, RecordBatch, TopicPartition } from '../event-log.js';
import { partitionName } from '../topic-partition.js';
import type { PartitionPause } from './partition-pause.js';
import { type ClaimedPartition, type ConsumedGroup, PartitionConsumer } from './partition-consumer.service.js';

/** The partition consumers of a group on this replica, as the listener of its client. They outlive their claims. */
export class PartitionConsumers<P extends ClaimedPartition> implements PartitionListener {
  readonly #partitions = new Map<string, PartitionConsumer<P>>();

  constructor(
    private readonly group: ConsumedGroup<P>,
    private readonly release: (partition: PartitionConsumer<P>) => Promise<void>,
  ) {}

  /** Partitions with a claim that is not lost. */
  claimed(): { partition: PartitionConsumer<P>; claimed: P }[] {
    return [...this.#partitions.values()].flatMap((partition) => {
      const { claimed } = partition;
      return claimed && !claimed.lost ? [{ partition, claimed }] : [];
    });
  }

  of({ topic, partition }: TopicPartition): PartitionConsumer<P> {
    const name = partitionName({ topic, partition });
    const known = this.#partitions.get(name) ?? new PartitionConsumer({ topic, partition }, this.group);
    this.#partitions.set(name, known);
    return known;
  }

  assigned(at: TopicPartition, generation: number): Promise<number | Deferral> {
    return this.of(at).assigned(generation);
  }

  batch(batch: RecordBatch, control: BatchControl): Promise<Deferral | void> {
    return this.of(batch).batch(batch, control);
  }

  async releasing(at: TopicPartition): Promise<void> {
    const partition = this.of(at);
    if (partition.claimed) await this.release(partition);
  }

  revoked(at: TopicPartition): void {
    this.of(at).revoked();
  }

  follow(rows: readonly PartitionPause[], readAt: number): void {
    const own = rows.filter(({ group }) => group === this.group.name);
    const assigned = new Set(this.group.client()?.state().assigned.map(partitionName));
    for (const [name, partition] of this.#partitions) if (assigned.has(name)) partition.follow(own, readAt);
  }

  /** The settings of the group have changed: resets the poison limits. */
  forgetPoison(): void {
    for (const partition of this.#partitions.values()) partition.forgetPoison();
  }
}
