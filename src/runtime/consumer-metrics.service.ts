import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Config } from '../config.js';
import { ConsumerWatch } from '../log/consuming/consumer-watch.service.js';
import { Consumers } from '../log/consuming/consumers.service.js';
import { version } from '../shared/version.js';
import { LeasedDuties } from './leased-duties.service.js';
import { MetricCollector } from './metric-collector.decorator.js';
import type { MetricName } from './metric-catalogue.js';
import { Metrics } from './metrics.service.js';

/** Copies the counters of the consumers into the metrics at every scrape. */
@Injectable()
export class ConsumerMetrics implements OnApplicationBootstrap {
  constructor(
    private readonly metrics: Metrics,
    private readonly watch: ConsumerWatch,
    private readonly consumers: Consumers,
    private readonly duties: LeasedDuties,
    private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    this.metrics.set('tocsin_build_info', [[{ version, mode: this.config.mode }, 1]]);
    this.metrics.set('alertmanager_build_info', [[{ version: '0.27.0' }, 1]]);
  }

  @MetricCollector()
  collect(): void {
    this.#copy('tocsin_consumer_records_total', this.watch.records, ['group', 'topic']);
    this.#copy('tocsin_consumer_batches_total', this.watch.batches, ['group', 'topic']);
    this.#copy('tocsin_consumer_failures_total', this.watch.failures, ['group', 'topic', 'reason']);
    this.#copy('tocsin_consumer_poison_total', this.watch.poison, ['group', 'topic', 'code']);
    const states = this.consumers.states();
    this.metrics.set(
      'tocsin_consumer_assigned_partitions',
      states.map(({ group, assigned }) => [{ group }, assigned.length]),
    );
    this.metrics.set(
      'tocsin_consumer_paused_partitions',
      states.map(({ group, paused }) => [{ group }, paused.length]),
    );
    this.metrics.set(
      'tocsin_consumer_up',
      states.map(({ group, status }) => [{ group }, status === 'running' ? 1 : 0]),
    );
    this.#copy('tocsin_duty_runs_total', this.duties.runs, ['duty', 'outcome']);
    this.metrics.set(
      'tocsin_duty_leader',
      this.duties.held().map((duty) => [{ duty }, 1]),
    );
  }

  #copy(name: MetricName, counts: ReadonlyMap<string, number>, labels: readonly string[]): void {
    this.metrics.set(
      name,
      [...counts].map(([key, value]) => [Object.fromEntries(key.split(' ').map((part, index) => [labels[index]!, part])), value]),
    );
  }
}
