import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { Background } from '../runtime/background.decorator.js';
import { MetricCollector } from '../runtime/metric-collector.decorator.js';
import { Metrics } from '../runtime/metrics.service.js';
import { ReadinessDetail, type ReadinessState } from '../runtime/readiness-detail.decorator.js';
import { SelfAlarms } from '../runtime/self-alarms.service.js';
import { PeriodicTask } from '../shared/periodic-task.js';
import { SourceReconciler } from './source-reconciler.service.js';
import { problemsOf } from './source-state.js';

/** A problem that lasts this long (ms) raises an alarm; most are over before. */
const ALARM_AFTER_MS = 60_000;
/** Interval (ms) of the check for such problems. */
const LOOK_MS = 5_000;

/** Exports the sources of this replica to metrics and readiness, and raises a self-alarm for a source that stays unhealthy. */
@Injectable()
export class SourceWatch {
  /** Time (ms) since which a source has problems. */
  readonly #since = new Map<string, number>();

  constructor(
    private readonly consumers: SourceReconciler,
    private readonly metrics: Metrics,
    private readonly alarms: SelfAlarms,
    private readonly config: Config,
  ) {}

  @Background()
  watching(): PeriodicTask {
    return new PeriodicTask({ name: 'checking sources', everyMs: LOOK_MS, firstDelayMs: LOOK_MS, run: () => this.look(Date.now()) });
  }

  @ReadinessDetail('sources')
  detail(): ReadinessState {
    const problems = this.#problems();
    const running = this.consumers.running().size;
    return problems.size > 0 ? { degraded: true, running, problems: Object.fromEntries(problems) } : { degraded: false, running };
  }

  #problems(): Map<string, string[]> {
    return new Map(this.consumers.states().flatMap((state) => (problemsOf(state).length > 0 ? [[state.name, problemsOf(state)] as const] : [])));
  }

  /** Runs one check; `now` is epoch ms. */
  look(now: number): void {
    const problems = this.#problems();
    for (const name of this.#since.keys()) if (!problems.has(name)) this.#since.delete(name);
    for (const name of problems.keys()) if (!this.#since.has(name)) this.#since.set(name, now);
    const lasting = [...problems].filter(([name]) => now - this.#since.get(name)! >= ALARM_AFTER_MS);
    this.alarms.report(
      'sources',
      lasting.map(([source, [first, ...others]]) => ({
        name: 'TocsinSourceUnhealthy',
        severity: 'warning',
        labels: { source, replica: this.config.INSTANCE_ID },
        summary: `source ${source} is unhealthy: ${first}${others.length > 0 ? ` (and ${others.length} more)` : ''}`,
      })),
      'replica',
    );
  }

  @MetricCollector()
  collect(): void {
    const states = this.consumers.states();
    const running = [...this.consumers.running()];
    const gauge = (of: (state: (typeof states)[number]) => number) => states.map((state) => [{ source: state.name }, of(state)] as const);
    this.metrics.set(
      'tocsin_source_up',
      gauge((state) => (state.status === 'running' && problemsOf(state).length === 0 ? 1 : 0)),
    );
    this.metrics.set(
      'tocsin_source_partitions',
      gauge(({ partitions }) => partitions.length),
    );
    this.metrics.set(
      'tocsin_source_in_flight_batches',
      gauge(({ partitions }) => partitions.reduce((sum, each) => sum + each.in_flight, 0)),
    );
    this.metrics.set(
      'tocsin_source_lag',
      states.flatMap(({ name: source, partitions }) => partitions.map(({ topic, partition, lag }) => [{ source, topic, partition }, lag] as const)),
    );
    const counts = running.map(([source, { consumer }]) => [source, consumer.counts] as const);
    this.metrics.set(
      'tocsin_source_records_total',
      counts.map(([source, { records }]) => [{ source }, records]),
    );
    this.metrics.set(
      'tocsin_source_events_total',
      counts.map(([source, { events }]) => [{ source }, events]),
    );
    this.metrics.set(
      'tocsin_source_failures_total',
      counts.map(([source, { failures }]) => [{ source }, failures]),
    );
    this.metrics.set(
      'tocsin_source_poison_total',
      counts.flatMap(([source, { poison }]) => Object.entries(poison).map(([code, records]) => [{ source, code }, records] as const)),
    );
  }
}
