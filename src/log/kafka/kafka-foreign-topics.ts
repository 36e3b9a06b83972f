import { Injectable } from '@nestjs/common';
import kafkajs, { type Producer } from 'kafkajs';
import type { ClusterAccess } from '../cluster.js';
import { ForeignTopics } from '../foreign-topics.js';
import type { OutgoingRecord } from '../log.js';
import { kafkaClient } from './client.js';

/** A client for each delivery: pushes are rare, and a connection that nobody watches is one that is dead when it is needed. */
@Injectable()
export class KafkaForeignTopics extends ForeignTopics {
  async deliver(access: ClusterAccess, topic: string, records: readonly OutgoingRecord[], timeoutMs: number): Promise<void> {
    const producer = kafkaClient(access, 'tocsin-push').producer({
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    const limit = deadline(timeoutMs);
    try {
      await Promise.race([publish(producer, topic, records, timeoutMs), limit.passed]);
    } finally {
      limit.clear();
      // The end of a connection that hangs must not be waited for.
      void producer.disconnect().catch(() => undefined);
    }
  }
}

async function publish(producer: Producer, topic: string, records: readonly OutgoingRecord[], timeoutMs: number): Promise<void> {
  await producer.connect();
  const messages = records.map(({ key, value, headers }) => ({ key, value, ...(headers && { headers: { ...headers } }) }));
  await producer.send({ topic, messages, acks: -1, timeout: timeoutMs });
}

function deadline(ms: number): { readonly passed: Promise<never>; clear(): void } {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Error(`not confirmed within ${ms} ms`)), ms)));
  return { passed, clear: () => clearTimeout(timer) };
}
