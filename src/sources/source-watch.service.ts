import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../config.js';
import { Metrics } from '../runtime/metrics.service.js';
import { Readiness } from '../runtime/readiness.service.js';
import { SelfAlarms } from '../runtime/self-alarms.service.js';
import { SourceReconciler } from './source-reconciler.service.js';
import { problemsOf } from './source-state.js';

/** A problem that lasts so long (ms) is an alarm; most are over before. */
const ALARM_AFTER_MS = 60_000;
/** How often (ms) we look for such problems. */
const LOOK_MS = 5_000;

/** Shows the sources of this replica in metrics and readiness, and raises an alarm of our own for one that is hindered for long. */
@Injectable()
export class SourceWatch implements OnApplicationBootstrap, OnModuleDestroy {
  /** Since when (ms) a source has problems. */
  readonly #since = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly consumers: SourceReconciler,
    private readonly metrics: Metrics,
    private readonly readiness: Readiness,
    private readonly alarms: SelfAlarms,
    private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    this.metrics.onCollect(() => this.#collect());
    this.readiness.show('sources', () => this.#shown());
    this.#timer = setInterval(() => this.look(Date.now()), LOOK_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  #shown(): { degraded: boolean; running: number; problems?: Record<string, string[]> } {
    const problems = this.#problems();
    const running = this.consumers.running().size;
    return problems.size > 0 ? { degraded: true, running, problems: Object.fromEntries(problems) } : { degraded: false, running };
  }

  #problems(): Map<string, string[]> {
    return new Map(this.consumers.states().flatMap((state) => (problemsOf(state).length > 0 ? [[state.name, problemsOf(state)] as const] : [])));
  }

  /** Looks now (epoch ms). */
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

  #collect(): void {
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
    const counts = running.map(([source, { records: pump }]) => [source, pump.counts] as const);
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
