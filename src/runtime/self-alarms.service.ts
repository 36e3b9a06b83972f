import { randomUUID } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config.js';
import { EventLog } from '../log/event-log.js';
import { PeriodicTask } from '../shared/periodic-task.js';
import { type ExternalAlert, topics } from '../topics.js';
import { Background } from './background.decorator.js';
import { LeadershipLost, LeaderTask } from './leader-task.decorator.js';
import { MetricCollector } from './metric-collector.decorator.js';
import { Metrics } from './metrics.service.js';
import { labelsOf, type Notable, type Scope, type SelfAlarm, SelfAlarmBook } from './self-alarm-book.js';

/** Business and source of self-alarms. */
export const OWN_BUSINESS = '0';
const OWN_SOURCE = 'tocsin';
/** Number of missed renewals that a lease outlives. */
const LEASE_RENEWALS = 4;
/** Alarms that are reported within this time (ms) are published together. */
const TOGETHER_MS = 20;

/**
 * Alarms of Tocsin about itself, processed like any other: each is an external alert in business "0" of `raw_events`, a lease that is renewed
 * while the alarm is active, resolved when it ends, and expires when no replica reports it any more.
 */
@Injectable()
export class SelfAlarms {
  readonly #logger = new Logger('self alarms');
  readonly #book: SelfAlarmBook;
  readonly #task: PeriodicTask;
  #isLeader = false;

  constructor(
    private readonly eventLog: EventLog,
    private readonly metrics: Metrics,
    private readonly config: Config,
  ) {
    const { SELF_ALARM_RENEW_MS: renewalMs } = config;
    this.#book = new SelfAlarmBook(renewalMs);
    this.#task = new PeriodicTask({
      name: 'publishing self-monitoring alerts',
      everyMs: renewalMs / 4,
      firstDelayMs: renewalMs,
      run: () => this.#run(),
      retry: { firstMs: 500, mostMs: 15_000 },
      logger: this.#logger,
    });
  }

  @Background()
  publishing(): PeriodicTask {
    return this.#task;
  }

  /**
   * Declares the full set of a reporter's alarms at this moment: absent ones are resolved. Never throws and never waits; while the log is unavailable
   * only the latest set is kept. `scope` is which replicas report the same ({@link Scope}). A process without background work reports nothing.
   */
  report(reporter: string, alarms: readonly SelfAlarm[], scope: Scope = 'installation'): void {
    if (!this.#task.isStarted) return;
    if (this.#book.report(reporter, alarms, scope, Date.now())) this.#wake();
  }

  /** The active alarms that this replica has reported. */
  active(): SelfAlarm[] {
    return this.#book.active();
  }

  @LeaderTask('self-alarms')
  lead(): Promise<number> {
    if (!this.#isLeader) {
      this.#isLeader = true;
      this.#wake();
    }
    return Promise.resolve(60_000);
  }

  @LeadershipLost('self-alarms')
  stepDown(): void {
    this.#isLeader = false;
    this.#book.stepDown();
  }

  /** Wakes the task after a short delay, so that simultaneous reports are published together; while the log fails, its backoff applies. */
  #wake(): void {
    if (!this.#task.isFailing) this.#task.wake(TOGETHER_MS);
  }

  async #run(): Promise<void> {
    for (const news of this.#book.news(this.#isLeader)) this.#note(news);
    await this.#publish(Date.now());
  }

  async #publish(now: number): Promise<void> {
    const notables = this.#book.take(now, this.#isLeader);
    if (notables.length === 0) return;
    const events = notables.map((notable) => this.#event(notable, now));
    await this.eventLog.publish(
      topics.rawEvents.name,
      events.map((event) => ({ key: event[this.config.PARTITION_KEY], value: this.eventLog.serializer.serialize(topics.rawEvents.name, event) })),
    );
    this.#book.published(notables, now);
  }

  /** Log lines report alarms even when the processing of raw events is what is delayed. */
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

  @MetricCollector()
  collect(): void {
    const counts = new Map<string, number>();
    for (const { name } of this.active()) counts.set(name, (counts.get(name) ?? 0) + 1);
    this.metrics.set(
      'tocsin_self_alarms',
      [...counts].map(([name, count]) => [{ name }, count]),
    );
  }
}
