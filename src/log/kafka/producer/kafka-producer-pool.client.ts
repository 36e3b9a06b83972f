import type { Kafka } from 'kafkajs';
import { ByteBudget } from '../../byte-budget.js';
import type { OutgoingRecord } from '../../event-log.js';
import type { ProducerWatch } from '../../producer-watch.js';
import { PublishError } from '../../publish-error.js';
import type { Compression } from '../protocol/codecs.client.js';
import { PendingSend } from './pending-send.js';
import { KafkaProducer } from './kafka-producer.client.js';
import type { BatchLimits } from './partition-queue.js';

export interface ProducerPoolOptions {
  readonly producers: number;
  readonly lingerMs: number;
  readonly limits: BatchLimits;
  readonly bufferBytes: number;
  readonly compressionOf: (topic: string) => Compression;
  /** Logical topic name, for metrics. */
  readonly nameOf: (topic: string) => string;
  readonly watch: ProducerWatch;
}

/** A record with its partition. */
export type PartitionedRecord = OutgoingRecord & { readonly partition: number };

/** The producers of one cluster: they own disjoint partitions and share one buffer. */
export class KafkaProducerPool {
  readonly #producers: readonly KafkaProducer[];
  readonly #budget: ByteBudget;
  readonly #watch: ProducerWatch;
  readonly #nameOf: (topic: string) => string;

  constructor(kafka: () => Kafka, options: ProducerPoolOptions) {
    this.#budget = new ByteBudget(options.bufferBytes);
    this.#watch = options.watch;
    this.#nameOf = options.nameOf;
    this.#watch.buffers.push(() => this.#budget.used);
    this.#producers = Array.from({ length: Math.max(1, options.producers) }, () => new KafkaProducer(kafka(), options));
  }

  /**
   * Resolves when all in-sync replicas have the records, to the base offset per partition (−1 where the broker does not return it).
   * Rejects with {@link PublishError}, which names the records not confirmed within `timeoutMs`. Keeps the order of calls within a partition.
   */
  async send(topic: string, records: readonly PartitionedRecord[], timeoutMs: number): Promise<ReadonlyMap<number, number>> {
    const now = Date.now();
    const results: { partition: number; result: Promise<number | PublishError> }[] = [];
    const pendingSends = new Map<number, PendingSend>();
    records.forEach((record, index) => {
      let pendingSend = pendingSends.get(record.partition);
      if (!pendingSend) {
        let settle: (result: number | PublishError) => void = () => undefined;
        const result = new Promise<number | PublishError>((resolve) => (settle = resolve));
        pendingSend = new PendingSend(now, now + timeoutMs, settle);
        pendingSends.set(record.partition, pendingSend);
        results.push({ partition: record.partition, result });
      }
      pendingSend.add(record, index);
    });
    const bytes = [...pendingSends.values()].reduce((sum, pendingSend) => sum + pendingSend.bytes, 0);
    const room = this.#budget.take(bytes, timeoutMs);
    if (room && !(await this.#waitForBuffer(topic, room, records.length))) {
      throw new PublishError('timed out', `producer buffer was full for ${timeoutMs} ms`, [...records.keys()]);
    }
    for (const [partition, pendingSend] of pendingSends) this.#producers[partition % this.#producers.length]!.send(topic, partition, pendingSend);
    try {
      return await this.#collectOffsets(topic, pendingSends, results);
    } finally {
      this.#budget.give(bytes);
    }
  }

  async #waitForBuffer(topic: string, room: Promise<boolean>, records: number): Promise<boolean> {
    this.#watch.waits++;
    const hasRoom = await room;
    if (!hasRoom) this.#watch.failed(this.#nameOf(topic), 'buffer full', records);
    return hasRoom;
  }

  async #collectOffsets(
    topic: string,
    pendingSends: ReadonlyMap<number, PendingSend>,
    results: readonly { partition: number; result: Promise<number | PublishError> }[],
  ): Promise<ReadonlyMap<number, number>> {
    const offsets = new Map<number, number>();
    const errors: PublishError[] = [];
    for (const { partition, result } of results) {
      const settled = await result;
      const { enqueuedAt, records } = pendingSends.get(partition)!;
      if (typeof settled === 'number') {
        offsets.set(partition, settled);
        this.#watch.confirmed(this.#nameOf(topic), records.length, (Date.now() - enqueuedAt) / 1000);
      } else {
        errors.push(settled);
        this.#watch.failed(this.#nameOf(topic), settled.failure, settled.records.length);
      }
    }
    if (errors.length === 0) return offsets;
    // Report a retriable failure rather than a permanent one.
    const reported = errors.find(({ failure }) => failure === 'timed out' || failure === 'closed') ?? errors[0]!;
    throw new PublishError(
      reported.failure,
      reported.message,
      errors.flatMap(({ records: failed }) => failed).sort((a, b) => a - b),
    );
  }

  /** Flushes the queues for at most `ms`. */
  async close(ms: number): Promise<void> {
    this.#budget.close();
    await Promise.all(this.#producers.map((producer) => producer.close(ms)));
  }
}
