import { randomUUID } from 'node:crypto';
import type { Batch, Consumer, Kafka } from 'kafkajs';
import type { LogRecord, TopicPartition } from '../log.js';
import { logRecord } from './records.js';

/** What has arrived of a range and was not yet handed on. */
class Arrivals {
  readonly slices: LogRecord[][] = [];
  failure: Error | undefined;
  #arrived = (): void => undefined;

  constructor(
    public position: number,
    readonly end: number,
  ) {}

  take(batch: Batch): void {
    const records = batch.messages.map(logRecord).filter(({ offset }) => offset >= this.position && offset < this.end);
    this.position = Math.max(this.position, Number(batch.lastOffset()) + 1);
    if (records.length > 0) this.slices.push(records);
    this.#arrived();
  }

  fail(error: Error): void {
    this.failure = error;
    this.#arrived();
  }

  next(): Promise<void> {
    return new Promise((resolve) => (this.#arrived = resolve));
  }
}

/**
 * Reads [from, end) of a partition. kafkajs cannot read without a group, so this one has a random name, commits nothing and is forgotten.
 * `topic` is the physical name; `end` must not lie beyond the end of the log.
 */
export async function* readRange(kafka: Kafka, at: TopicPartition, from: number, end: number): AsyncIterable<readonly LogRecord[]> {
  const consumer = kafka.consumer({ groupId: `tocsin-read-${randomUUID()}`, maxWaitTimeInMs: 200, allowAutoTopicCreation: false });
  const arrivals = new Arrivals(from, end);
  try {
    await begin(consumer, at, arrivals);
    while (arrivals.position < end || arrivals.slices.length > 0) {
      const slice = arrivals.slices.shift();
      if (slice) yield slice;
      else await arrivals.next();
      if (arrivals.failure) throw arrivals.failure;
    }
  } finally {
    await consumer.disconnect();
  }
}

async function begin(consumer: Consumer, { topic, partition }: TopicPartition, arrivals: Arrivals): Promise<void> {
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    const others = (payload.memberAssignment[topic] ?? []).filter((each) => each !== partition);
    consumer.pause([{ topic, partitions: others }]);
    consumer.seek({ topic, partition, offset: String(arrivals.position) });
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => arrivals.fail(payload.error));
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: ({ batch }) => {
      if (batch.partition === partition) arrivals.take(batch);
      return Promise.resolve();
    },
  });
}
