import { Injectable } from '@nestjs/common';
import { createClient } from '@redis/client';
import { Config } from '../config.js';
import { ExternalTopics } from '../log/external-topics.js';
import { within } from '../shared/wait.js';
import type { DuePush } from './push.js';
import type { Queue, RedisQueue } from './queue.js';

/** Additional time (ms) after the timeout of a delivery, for the confirmation to arrive. */
const FLUSH_MS = 1000;

/** Delivers to external queues: connects, waits for the confirmation, disconnects. */
@Injectable()
export class QueueClient {
  constructor(
    private readonly config: Config,
    private readonly topics: ExternalTopics,
  ) {}

  /** Resolves when the queue has confirmed all pushes, in order. Rejects with the reason, at the latest one second after the queue's timeout. */
  deliver(queue: Queue, pushes: readonly DuePush[]): Promise<void> {
    const timeoutMs = queue.timeoutMs ?? this.config.MESSAGE_QUEUE_TIMEOUT_MS;
    if (queue.kind === 'redis') return deliverToRedis(queue, pushes, timeoutMs + FLUSH_MS, this.config.MESSAGE_QUEUE_LENGTH);
    const records = pushes.map(({ alert_key, body, event_id }) => ({ key: alert_key, value: body, headers: { 'idempotency-key': event_id } }));
    return this.topics.deliver(queue.access, queue.topic, records, timeoutMs + FLUSH_MS);
  }
}

/** The newest push is at the head of the list; pushes beyond `listLength` are trimmed from its tail. */
async function deliverToRedis(queue: RedisQueue, pushes: readonly DuePush[], timeoutMs: number, listLength: number): Promise<void> {
  const { host, port, database, username, password, tls } = queue;
  const client = createClient({
    socket: { host, port, connectTimeout: timeoutMs, reconnectStrategy: false, ...(tls && { tls: true }) },
    database,
    ...(username && { username }),
    ...(password && { password }),
    disableOfflineQueue: true,
  });
  // The rejections below report failures.
  client.on('error', () => undefined);
  const deliver = async (): Promise<void> => {
    await client.connect();
    const bodies = pushes.map(({ body }) => body);
    await client
      .multi()
      .lPush(queue.list, bodies)
      .lTrim(queue.list, 0, listLength - 1)
      .exec();
  };
  try {
    await within(timeoutMs, deliver(), () => new Error(`not acknowledged within ${timeoutMs} ms`));
  } finally {
    if (client.isOpen) client.destroy();
  }
}
