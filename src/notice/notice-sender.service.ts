import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Config } from '../config.js';
import { Duties } from '../runtime/duties.js';
import { LeadershipLost, LeaderTask } from '../runtime/leader-task.decorator.js';
import { Metrics } from '../runtime/metrics.service.js';
import { retryDelay, type RetryPolicy } from '../shared/retry.js';
import { channelNames } from './channels/channels.js';
import { Courier } from './notice-delivery.service.js';
import { type DeliveryPolicy, type DueNotice, settle, type Settlement } from './notice.js';
import { type Candidate, NoticeRepository } from './notice.repository.js';
import type { Receiver } from './receiver.js';

/** Notices to one receiver that are found at once; a new search costs as much as there are notices that wait. */
const PAGE = 200;
/** Deliveries under way in all: a guard for the memory. */
const IN_ALL = 256;
/** Notices that another replica added are found within this time. */
const POLL_MS = 1000;
/** Beyond the time limit of a delivery a claim holds so long, for writing down what came of it. */
const GRACE_MS = 5000;
/** Between tries to write down what came of a delivery. */
const RECORDING: RetryPolicy = { firstMs: 50, mostMs: 1000 };

const outcomes = { sent: 'sent', pending: 'retried', dead: 'dead' } as const;

/** What one receiver is due. */
interface Lane {
  receiver: Receiver | undefined;
  /** Each is of another group. */
  readonly underWay: Set<Promise<void>>;
  /** May be tried as soon as there is room; of other groups than what is under way. */
  waiting: Candidate[];
}

/**
 * Sends what is due. One round finds it and starts deliveries, and does not wait for them, so that nobody waits for a slow receiver; the end of
 * a delivery starts the next one. Within a (receiver, group) a notice waits until the one before it is sent or dead.
 * A notice is claimed in the database before it leaves: whoever dies inside a delivery leaves a claim that runs out, and it is sent again under its key.
 */
@Injectable()
export class NoticeSender implements OnModuleInit, BeforeApplicationShutdown {
  readonly #logger = new Logger('notice');
  readonly #lanes = new Map<string, Lane>();
  readonly #stopping = new AbortController();
  readonly #policy: DeliveryPolicy;

  constructor(
    private readonly config: Config,
    private readonly notices: NoticeRepository,
    private readonly courier: Courier,
    private readonly duties: Duties,
    private readonly metrics: Metrics,
  ) {
    setMaxListeners(IN_ALL, this.#stopping.signal);
    this.#policy = { firstMs: config.NOTICE_RETRY_MS, mostMs: config.NOTICE_RETRY_MAX_MS, giveUpMs: config.NOTICE_RETRY_TIMEOUT_MS };
  }

  onModuleInit(): void {
    // A counter that appears with its first event hides that event from rate() and increase().
    for (const channel of [...channelNames, 'none']) {
      for (const outcome of Object.values(outcomes)) this.metrics.increment('tocsin_notices_total', { channel, outcome }, 0);
    }
  }

  /** One round; answers the milliseconds until the next. */
  @LeaderTask('notice')
  async work(now: number): Promise<number> {
    const names = await this.notices.receiversWithDue(now);
    const receivers = names.length > 0 ? await this.courier.receivers() : new Map<string, Receiver>();
    for (const name of names) {
      const lane = this.#lane(name);
      lane.receiver = receivers.get(name);
      lane.waiting = await this.notices.due(name, now, PAGE);
      this.#advance(name, lane);
    }
    const next = await this.notices.nextDue(now);
    return Math.min(POLL_MS, next === undefined ? POLL_MS : next - now);
  }

  #lane(name: string): Lane {
    let lane = this.#lanes.get(name);
    if (!lane) this.#lanes.set(name, (lane = { receiver: undefined, underWay: new Set(), waiting: [] }));
    return lane;
  }

  /** Starts as many deliveries as there is room for. */
  #advance(name: string, lane: Lane): void {
    while (
      lane.waiting.length > 0 &&
      lane.underWay.size < this.config.NOTICE_CONCURRENCY &&
      this.#underWay().length < IN_ALL &&
      !this.#stopping.signal.aborted
    ) {
      const delivery = this.#send(lane.waiting.shift()!, lane.receiver).then((tried) => {
        lane.underWay.delete(delivery);
        // While the database refuses claims the next round comes by the clock.
        if (!tried) lane.waiting = [];
        this.#advance(name, lane);
        if (lane.waiting.length > 0) return;
        if (lane.underWay.size === 0) this.#lanes.delete(name);
        if (tried) this.duties.wake('notice');
      });
      lane.underWay.add(delivery);
    }
  }

  /** False when the database did not let us. */
  async #send(candidate: Candidate, receiver: Receiver | undefined): Promise<boolean> {
    try {
      const now = Date.now();
      const notice = await this.notices.claim(candidate, now, now + this.courier.timeoutMs(receiver) + GRACE_MS);
      if (notice) await this.#deliver(notice, receiver);
      return true;
    } catch (error) {
      // A later round, or the end of the claim, brings it again.
      this.#logger.warn(`claiming notice ${candidate.id} failed: ${String(error)}`);
      return false;
    }
  }

  async #deliver(notice: DueNotice, receiver: Receiver | undefined): Promise<void> {
    const tried = await this.courier.deliver(notice, receiver, this.#stopping.signal);
    const now = Date.now();
    const settlement = settle(notice, tried, now, this.#policy, Math.random());
    if (await this.#record(notice, settlement, now)) {
      const labels = { channel: receiver?.channel ?? 'none', outcome: outcomes[settlement.state] };
      this.metrics.increment('tocsin_notices_total', labels);
      this.metrics.observe('tocsin_notice_delivery_seconds', labels, tried.latencyMs / 1000);
      if (settlement.state === 'sent')
        this.metrics.observe('tocsin_notice_delay_seconds', { channel: labels.channel }, (now - notice.created_at) / 1000);
    }
    if (settlement.state === 'dead') this.#logger.error(`notice ${notice.id} to ${notice.receiver} is dead: ${settlement.last_error ?? ''}`);
  }

  /** Nothing shortens the time in which a crash means a second delivery but writing at once; trouble of the database is outlasted while the claim holds. */
  async #record(notice: DueNotice, settlement: Settlement, now: number): Promise<boolean> {
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

  #underWay(): Promise<void>[] {
    return [...this.#lanes.values()].flatMap(({ underWay }) => [...underWay]);
  }

  /** Another replica sends now; what is under way here still ends under its claim. */
  @LeadershipLost('notice')
  forget(): void {
    for (const lane of this.#lanes.values()) lane.waiting = [];
  }

  /** Deliveries get half of the time there is for stopping; those that hang are cut off and tried again later under their key. */
  async beforeApplicationShutdown(): Promise<void> {
    this.forget();
    const cut = setTimeout(() => this.#stopping.abort(), this.config.SHUTDOWN_MS / 2);
    await Promise.allSettled(this.#underWay());
    clearTimeout(cut);
    this.#stopping.abort();
  }
}
