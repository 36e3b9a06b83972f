import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Config } from '../config.js';
import { Duties } from '../runtime/duties.js';
import { LeadershipLost, LeaderTask } from '../runtime/leader-task.decorator.js';
import { Metrics } from '../runtime/metrics.service.js';
import { retryDelay, type RetryPolicy } from '../shared/retry.js';
import { channelNames } from './channels/channels.js';
import { NoticeDelivery } from './notice-delivery.service.js';
import { type DeliveryPolicy, type DueNotice, settleNotice, type NoticeSettlement } from './notice.js';
import { type Candidate, NoticeRepository } from './notice.repository.js';
import type { Receiver } from './receiver.js';

/** Notices of one receiver per query; a query costs as much as there are pending notices. */
const PER_QUERY = 200;
/** Deliveries in flight over all receivers, which bounds the memory. */
const MOST_IN_FLIGHT = 256;
/** Notices that another replica added are found within this time. */
const POLL_MS = 1000;
/** A claim outlasts the timeout of its delivery by this time, for recording the result. */
const RECORDING_MS = 5000;
/** Waits between attempts to record the result of a delivery. */
const RECORDING: RetryPolicy = { firstMs: 50, mostMs: 1000 };

const outcomes = { sent: 'sent', pending: 'retried', dead: 'dead' } as const;

/** Due notices of one receiver. */
interface ReceiverQueue {
  receiver: Receiver | undefined;
  /** Deliveries in flight, each of another group. */
  readonly inFlight: Set<Promise<void>>;
  /** Waiting for a free slot; of other groups than those in flight. */
  waiting: Candidate[];
}

/**
 * Sends due notices. A call of `work` starts deliveries and does not wait for them, so that a slow receiver delays no other; the end of a
 * delivery starts the next one. Within a (receiver, group) a notice waits until the one before it is sent or dead.
 * A notice is claimed in the database before it is sent: after a crash the claim expires and the notice is sent again under its key.
 */
@Injectable()
export class NoticeSender implements OnModuleInit, BeforeApplicationShutdown {
  readonly #logger = new Logger('notice');
  readonly #queues = new Map<string, ReceiverQueue>();
  readonly #stopping = new AbortController();
  readonly #policy: DeliveryPolicy;

  constructor(
    private readonly config: Config,
    private readonly notices: NoticeRepository,
    private readonly delivery: NoticeDelivery,
    private readonly duties: Duties,
    private readonly metrics: Metrics,
  ) {
    setMaxListeners(MOST_IN_FLIGHT, this.#stopping.signal);
    this.#policy = { firstMs: config.NOTICE_RETRY_MS, mostMs: config.NOTICE_RETRY_MAX_MS, giveUpMs: config.NOTICE_RETRY_TIMEOUT_MS };
  }

  onModuleInit(): void {
    // A counter that appears with its first event hides that event from rate() and increase().
    for (const channel of [...channelNames, 'none']) {
      for (const outcome of Object.values(outcomes)) this.metrics.increment('tocsin_notices_total', { channel, outcome }, 0);
    }
  }

  /** Starts deliveries of due notices; returns the milliseconds until the next call. */
  @LeaderTask('notice')
  async work(now: number): Promise<number> {
    const names = await this.notices.receiversWithDue(now);
    const receivers = names.length > 0 ? await this.delivery.receivers() : new Map<string, Receiver>();
    for (const name of names) {
      const queue = this.#queueOf(name);
      queue.receiver = receivers.get(name);
      queue.waiting = await this.notices.due(name, now, PER_QUERY);
      this.#advance(name, queue);
    }
    const next = await this.notices.nextDue(now);
    return Math.min(POLL_MS, next === undefined ? POLL_MS : next - now);
  }

  #queueOf(name: string): ReceiverQueue {
    let queue = this.#queues.get(name);
    if (!queue) this.#queues.set(name, (queue = { receiver: undefined, inFlight: new Set(), waiting: [] }));
    return queue;
  }

  /** Starts as many deliveries as there are free slots. */
  #advance(name: string, queue: ReceiverQueue): void {
    while (
      queue.waiting.length > 0 &&
      queue.inFlight.size < this.config.NOTICE_CONCURRENCY &&
      this.#allInFlight().length < MOST_IN_FLIGHT &&
      !this.#stopping.signal.aborted
    ) {
      const delivery = this.#send(queue.waiting.shift()!, queue.receiver).then((tried) => {
        queue.inFlight.delete(delivery);
        // While the database refuses claims, the next call of `work` retries.
        if (!tried) queue.waiting = [];
        this.#advance(name, queue);
        if (queue.waiting.length > 0) return;
        if (queue.inFlight.size === 0) this.#queues.delete(name);
        if (tried) this.duties.wake('notice');
      });
      queue.inFlight.add(delivery);
    }
  }

  /** False when the database refused the claim. */
  async #send(candidate: Candidate, receiver: Receiver | undefined): Promise<boolean> {
    try {
      const now = Date.now();
      const notice = await this.notices.claim(candidate, now, now + this.delivery.timeoutMs(receiver) + RECORDING_MS);
      if (notice) await this.#deliver(notice, receiver);
      return true;
    } catch (error) {
      // The next call of `work`, or the end of the claim, makes it a candidate again.
      this.#logger.warn(`claiming notice ${candidate.id} failed: ${String(error)}`);
      return false;
    }
  }

  async #deliver(notice: DueNotice, receiver: Receiver | undefined): Promise<void> {
    const attempt = await this.delivery.deliver(notice, receiver, this.#stopping.signal);
    const now = Date.now();
    const settlement = settleNotice(notice, attempt, now, this.#policy, Math.random());
    if (await this.#record(notice, settlement, now)) {
      const labels = { channel: receiver?.channel ?? 'none', outcome: outcomes[settlement.state] };
      this.metrics.increment('tocsin_notices_total', labels);
      this.metrics.observe('tocsin_notice_delivery_seconds', labels, attempt.latencyMs / 1000);
      if (settlement.state === 'sent')
        this.metrics.observe('tocsin_notice_delay_seconds', { channel: labels.channel }, (now - notice.created_at) / 1000);
    }
    if (settlement.state === 'dead') this.#logger.error(`notice ${notice.id} to ${notice.receiver} is dead: ${settlement.last_error ?? ''}`);
  }

  /** Records the result at once, because a crash before that causes a second delivery; database failures are retried until the claim expires. */
  async #record(notice: DueNotice, settlement: NoticeSettlement, now: number): Promise<boolean> {
    for (let failures = 1; ; failures++) {
      try {
        return await this.notices.settle(notice, settlement, now);
      } catch (error) {
        if (Date.now() >= notice.next_attempt_at || this.#stopping.signal.aborted) {
          this.#logger.error(`saving the delivery result of notice ${notice.id} failed, it will be delivered again: ${String(error)}`);
          return false;
        }
        await delay(retryDelay(failures, RECORDING, Math.random()));
      }
    }
  }

  #allInFlight(): Promise<void>[] {
    return [...this.#queues.values()].flatMap(({ inFlight }) => [...inFlight]);
  }

  /** Another replica is the sender now; deliveries in flight still end under their claims. */
  @LeadershipLost('notice')
  forget(): void {
    for (const queue of this.#queues.values()) queue.waiting = [];
  }

  /** Deliveries in flight get half of SHUTDOWN_MS; the others are aborted and sent again later under their key. */
  async beforeApplicationShutdown(): Promise<void> {
    this.forget();
    const cut = setTimeout(() => this.#stopping.abort(), this.config.SHUTDOWN_MS / 2);
    await Promise.allSettled(this.#allInFlight());
    clearTimeout(cut);
    this.#stopping.abort();
  }
}
