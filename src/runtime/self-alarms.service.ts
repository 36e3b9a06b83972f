import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Config } from '../config.js';
import { backoff } from '../shared/retry.js';
import { EventLog } from '../log/event-log.js';
import { type ExternalAlert, topics } from '../topics.js';
import { Duties } from './duties.js';
import { IDLE } from './idle.js';
import { Metrics } from './metrics.service.js';
import { labelsOf, type Notable, type Scope, type SelfAlarm, SelfAlarmBook } from './self-alarm-book.js';

/** Business and source of the alarms that Tocsin raises about itself. */
export const OWN_BUSINESS = '0';
const OWN_SOURCE = 'tocsin';
/** A lease outlives so many renewals that did not come. */
const LEASE_RENEWALS = 4;

/**
 * Alarms of Tocsin about itself, on the same way as everybody else's: each is an external alert in business "0" of `raw_events`, a lease that
 * is renewed while the alarm lasts, resolved when it is over, and that runs out by itself when nobody is left who reports it.
 */
@Injectable()
export class SelfAlarms implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger('self alarms');
  readonly #book: SelfAlarmBook;
  #speaker = false;
  #running = false;
  #again = false;
  #failures = 0;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly eventLog: EventLog,
    private readonly duties: Duties,
    private readonly metrics: Metrics,
    private readonly config: Config,
    @Inject(IDLE) private readonly idle: boolean,
  ) {
    this.#book = new SelfAlarmBook(config.SELF_ALARM_RENEW_MS);
  }

  onModuleInit(): void {
    this.duties.register(
      'self-alarms',
      () => this.#speak(),
      () => this.#fallSilent(),
    );
    this.metrics.onCollect(() => this.#count());
    if (!this.idle) this.#later(this.config.SELF_ALARM_RENEW_MS);
  }

  onModuleDestroy(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /**
   * Declares the full set of a reporter's alarms at this moment: those that are absent are resolved. Never throws and never waits; while the log
   * is down only the latest set is kept. `scope` says who else reports the same ({@link Scope}).
   */
  report(reporter: string, alarms: readonly SelfAlarm[], scope: Scope = 'installation'): void {
    if (this.idle || this.#stopped) return;
    if (this.#book.report(reporter, alarms, scope, Date.now())) this.#wake();
  }

  /** What lasts at the moment, as far as this replica knows. */
  active(): SelfAlarm[] {
    return this.#book.active();
  }

  #speak(): Promise<number> {
    if (!this.#speaker) {
      this.#speaker = true;
      this.#wake();
    }
    return Promise.resolve(60_000);
  }

  #fallSilent(): void {
    this.#speaker = false;
    this.#book.stepDown();
  }

  /** A moment later, so that what is reported together goes together; while the log fails its backoff decides. */
  #wake(): void {
    if (this.#running) this.#again = true;
    else if (this.#failures === 0) this.#later(20);
  }

  #later(ms: number): void {
    clearTimeout(this.#timer);
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#run(), ms).unref();
  }

  async #run(): Promise<void> {
    this.#running = true;
    this.#again = false;
    try {
      for (const news of this.#book.news(this.#speaker)) this.#note(news);
      await this.#publish(Date.now());
      if (this.#failures > 0) this.#logger.log('publishing self-monitoring alerts works again');
      this.#failures = 0;
      this.#later(this.#again ? 20 : this.config.SELF_ALARM_RENEW_MS / 4);
    } catch (error) {
      if (this.#failures++ === 0)
        this.#logger.warn(`publishing self-monitoring alerts failed, retrying: ${error instanceof Error ? error.message : String(error)}`);
      this.#later(backoff(this.#failures, Math.random(), 500, 15_000));
    } finally {
      this.#running = false;
    }
  }

  async #publish(now: number): Promise<void> {
    const notables = this.#book.take(now, this.#speaker);
    if (notables.length === 0) return;
    const events = notables.map((notable) => this.#event(notable, now));
    await this.eventLog.publish(
      topics.rawEvents.name,
      events.map((event) => ({ key: event[this.config.PARTITION_KEY], value: this.eventLog.serializer.serialize(topics.rawEvents.name, event) })),
    );
    this.#book.published(notables, now);
  }

  /** People who read the log learn of it even when raw events are what is behind. */
  #note({ alarm, ended }: Notable): void {
    const subject = `${alarm.name} ${JSON.stringify(alarm.labels)}`;
    if (ended === undefined) this.#logger.warn(`${subject}: ${alarm.summary}`);
    else this.#logger.log(`${subject}: resolved`);
  }

  #event({ alarm, since, ended }: Notable, now: number): ExternalAlert {
    return {
      event_id: `tocsin-${randomUUID()}`,
      event_type: 'alert',
      bk_biz_id: OWN_BUSINESS,
      event_source: OWN_SOURCE,
      timestamp: now,
      raw_data: {
        labels: labelsOf(alarm),
        annotations: { summary: alarm.summary },
        startsAt: since,
        endsAt: ended ?? now + LEASE_RENEWALS * this.config.SELF_ALARM_RENEW_MS,
      },
    };
  }

  #count(): void {
    const counts = new Map<string, number>();
    for (const { name } of this.active()) counts.set(name, (counts.get(name) ?? 0) + 1);
    this.metrics.set(
      'tocsin_self_alarms',
      [...counts].map(([name, count]) => [{ name }, count]),
    );
  }
}
