import { randomUUID } from 'node:crypto';
import type { Kafka } from 'kafkajs';
import type { LogRecord, TopicPartition } from '../log.js';

/**
 * Reads [from, end) of a partition. kafkajs cannot read without a group, so this one has a random name, commits nothing and is forgotten.
 * `topic` is the physical name; `end` must not lie beyond the end of the log.
 */
export async function* readRange(kafka: Kafka, { topic, partition }: TopicPartition, from: number, end: number): AsyncIterable<readonly LogRecord[]> {
  const consumer = kafka.consumer({ groupId: `tocsin-read-${randomUUID()}`, maxWaitTimeInMs: 200, allowAutoTopicCreation: false });
  const slices: LogRecord[][] = [];
  let arrived = (): void => undefined;
  let failed: Error | undefined;
  let position = from;
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    const others = (payload.memberAssignment[topic] ?? []).filter((each) => each !== partition);
    consumer.pause([{ topic, partitions: others }]);
    consumer.seek({ topic, partition, offset: String(position) });
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    failed = payload.error;
    arrived();
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: ({ batch }) => {
        if (batch.partition !== partition || Number(batch.firstOffset() ?? 0) > end) return Promise.resolve();
        const records = batch.messages
          .map(({ offset, timestamp, key, value, headers }) => ({
            offset: Number(offset),
            timestamp: Number(timestamp),
            key,
            value,
            headers: Object.fromEntries(Object.entries(headers ?? {}).map(([name, each]) => [name, String(each)])),
          }))
          .filter(({ offset }) => offset >= position && offset < end);
        position = Math.max(position, Number(batch.lastOffset()) + 1);
        slices.push(records);
        arrived();
        return Promise.resolve();
      },
    });
    while (position < end || slices.length > 0) {
      const next = slices.shift();
      if (next && next.length > 0) yield next;
      else if (!next) await new Promise<void>((resolve) => (arrived = resolve));
      if (failed) throw failed;
    }
  } finally {
    await consumer.disconnect();
  }
}
