import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config.js';
import { Consumers, type GroupPosition } from '../log/consuming/consumers.service.js';
import { PeriodicTask } from '../shared/periodic-task.js';
import { Background } from './background.decorator.js';
import { type Congestion, judgeCongestion } from './congestion.js';
import { backlog, keyOf, LagHistory, lagByTopic, type Rate } from './lag.js';
import { MetricCollector } from './metric-collector.decorator.js';
import { Metrics } from './metrics.service.js';
import type { SelfAlarm } from './self-alarm-book.js';
import { SelfAlarms } from './self-alarms.service.js';

const WINDOW_MS = 60_000;

/** Samples the positions of all groups every LAG_SAMPLE_MS, for lag, rates and congestion, which raises a self-alarm. */
@Injectable()
export class LagWatch {
  readonly #history = new LagHistory(WINDOW_MS);
  #congestion: Congestion[] = [];

  constructor(
    private readonly consumers: Consumers,
    private readonly alarms: SelfAlarms,
    private readonly metrics: Metrics,
    private readonly config: Config,
  ) {}

  @Background()
  sampling(): PeriodicTask {
    const { LAG_SAMPLE_MS: everyMs } = this.config;
    return new PeriodicTask({ name: 'sampling lag', everyMs, firstDelayMs: everyMs, run: () => this.#sample(), logger: new Logger('lag') });
  }

  /** Groups that are, or may soon be, congested. */
  get congestion(): readonly Congestion[] {
    return this.#congestion;
  }

  /** Positions of all groups in the latest sample; empty before the first. */
  get positions(): readonly GroupPosition[] {
    return this.#history.latest;
  }

  rate(at: Pick<GroupPosition, 'group' | 'topic' | 'partition'>): Rate | undefined {
    return this.#history.rate(at);
  }

  /** A failed sample changes nothing: an unavailable log is not evidence of lag or of progress. */
  async #sample(): Promise<void> {
    const { partitions, problems } = await this.consumers.positions();
    const now = Date.now();
    this.#history.add(partitions, now);
    this.#judge(partitions, now);
    if (problems.length > 0) throw new Error(problems.join('; '));
  }

  #judge(positions: readonly GroupPosition[], now: number): void {
    const { LAG_THRESHOLD, LAG_TOPIC_THRESHOLDS, LAG_FOR_MS, LAG_CLEAR_RATIO } = this.config;
    const threshold = (topic: string): number => LAG_TOPIC_THRESHOLDS.get(topic) ?? LAG_THRESHOLD;
    this.#congestion = judgeCongestion(this.#congestion, lagByTopic(positions), { threshold, forMs: LAG_FOR_MS, clearShare: LAG_CLEAR_RATIO }, now);
    this.alarms.report(
      'congestion',
      this.#congestion.filter(({ congested }) => congested).map((congestion) => alarmOf(congestion)),
    );
  }

  @MetricCollector()
  collect(): void {
    const states = this.consumers.states();
    const owned = new Set(states.flatMap(({ group, assigned }) => assigned.map(({ topic, partition }) => keyOf({ group, topic, partition }))));
    const known = (lag: number | null): lag is number => lag !== null;
    this.metrics.set(
      'tocsin_consumer_lag',
      this.positions.flatMap((position) => {
        const lag = backlog(position);
        const { group, topic, partition } = position;
        return known(lag) && owned.has(keyOf(position)) ? [[{ group, topic, partition }, lag] as const] : [];
      }),
    );
    const topics = lagByTopic(this.positions);
    this.metrics.set(
      'tocsin_group_lag',
      topics.flatMap(({ group, topic, lag }) => (known(lag) ? [[{ group, topic }, lag] as const] : [])),
    );
    const congested = new Set(this.#congestion.flatMap((each) => (each.congested ? [`${each.group} ${each.topic}`] : [])));
    this.metrics.set(
      'tocsin_congestion',
      topics.map(({ group, topic }) => [{ group, topic }, congested.has(`${group} ${topic}`) ? 1 : 0]),
    );
    const { at } = this.#history;
    if (at !== undefined) this.metrics.set('tocsin_lag_sample_age_seconds', [[{}, (Date.now() - at) / 1000]]);
  }
}

function alarmOf({ group, topic, lag, threshold }: Congestion): SelfAlarm {
  return {
    name: 'TocsinConsumerLagHigh',
    severity: 'warning',
    labels: { group, topic },
    summary: `consumer lag of ${group} in ${topic} is ${lag} records, above ${threshold}: processing is delayed, no data is lost`,
  };
}
