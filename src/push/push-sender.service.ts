import { Injectable, Logger } from '@nestjs/common';
import { Duties } from '../runtime/duties.js';
import { LeadershipLost, LeaderTask } from '../runtime/leader-task.decorator.js';
import { Metrics } from '../runtime/metrics.service.js';
import { retryDelay } from '../shared/retry.js';
import { type DuePush, type PushSettlement, settlePushes } from './push.js';
import { PushRepository } from './push.repository.js';
import { PushService } from './push.service.js';
import type { Queue } from './queue.js';
import { QueueClient } from './queue.client.js';
import { messageOf } from '../shared/error-message.js';

/** Pushes in one delivery to a queue. */
const MOST_PUSHES = 200;
/** Pushes that another replica added are found within this time (ms). */
const POLL_MS = 1000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

/** Retry state of a failing queue. */
interface QueueBackoff {
  failures: number;
  until: number;
}

/** Delivers pushes, to each queue in order; a failing queue delays no other. */
@Injectable()
export class PushSender {
  readonly #logger = new Logger('push');
  readonly #backoffs = new Map<string, QueueBackoff>();
  readonly #inFlight = new Map<string, Promise<void>>();

  constructor(
    private readonly pushes: PushService,
    private readonly rows: PushRepository,
    private readonly client: QueueClient,
    private readonly duties: Duties,
    private readonly metrics: Metrics,
  ) {}

  /** Starts a delivery for every queue that has pending pushes and no backoff; returns the milliseconds until the next call. */
  @LeaderTask('push')
  async work(now: number): Promise<number> {
    const queues = this.pushes.queues();
    let next = POLL_MS;
    for (const key of await this.rows.waitingQueues()) {
      const wait = (this.#backoffs.get(key)?.until ?? 0) - now;
      if (wait > 0) next = Math.min(next, wait);
      else if (!this.#inFlight.has(key)) this.#start(key, queues.get(key));
    }
    return next;
  }

  @LeadershipLost('push')
  forget(): void {
    this.#backoffs.clear();
  }

  /** Resolves when no delivery is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.#inFlight.values());
  }

  #start(key: string, queue: Queue | undefined): void {
    const delivery = this.#deliver(key, queue)
      .catch((error: unknown) => this.#logger.warn(`saving the delivery result of a push failed, it is delivered again: ${String(error)}`))
      .finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, delivery);
  }

  async #deliver(key: string, queue: Queue | undefined): Promise<void> {
    const backoff = this.#backoffs.get(key);
    // The queue may refuse one of several messages: after a failure they are sent one by one.
    const due = await this.rows.due(key, backoff ? 1 : MOST_PUSHES);
    if (due.length === 0) return;
    const settlements = queue ? await this.#try(key, queue, due) : removed(due);
    await this.rows.settle(settlements, Date.now());
    for (const { state } of settlements) this.metrics.increment('tocsin_pushes_total', { outcome: state === 'pending' ? 'retried' : state });
    this.duties.wake('push');
  }

  async #try(key: string, queue: Queue, due: readonly DuePush[]): Promise<PushSettlement[]> {
    const giveUp = this.pushes.giveUpMs;
    try {
      await this.client.deliver(queue, due);
      this.#backoffs.delete(key);
      return settlePushes(due, undefined, Date.now(), giveUp);
    } catch (error) {
      const reason = messageOf(error);
      const failures = (this.#backoffs.get(key)?.failures ?? 0) + 1;
      const wait = retryDelay(failures, { firstMs: FIRST_WAIT_MS, mostMs: LONGEST_WAIT_MS }, Math.random());
      this.#backoffs.set(key, { failures, until: Date.now() + wait });
      this.#logger.warn(`${queue.name}: ${reason}; retrying in ${wait} ms`);
      return settlePushes(due, reason, Date.now(), giveUp);
    }
  }
}

const removed = (due: readonly DuePush[]): PushSettlement[] =>
  due.map((push) => ({ push, state: 'dead', reason: 'queue_removed', error: 'queue is no longer configured' }));
