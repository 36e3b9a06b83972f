import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { ConsumerWatch, type ConsumerTiming } from '../log/consuming/consumer-watch.service.js';
import { Consumers } from '../log/consuming/consumers.service.js';
import { MetricCollector } from './metric-collector.decorator.js';
import type { MetricName } from './metric-catalogue.js';
import { Metrics } from './metrics.service.js';

const histograms: Record<ConsumerTiming, MetricName> = {
  batch: 'tocsin_consumer_batch_duration_seconds',
  commit: 'tocsin_consumer_commit_duration_seconds',
  poll: 'tocsin_consumer_poll_interval_seconds',
  stall: 'tocsin_consumer_rebalance_stall_seconds',
};

/** Records durations in the consumers, and the effects of rebalances, as metrics. */
@Injectable()
export class ConsumerTimes implements OnApplicationBootstrap {
  constructor(
    private readonly metrics: Metrics,
    private readonly watch: ConsumerWatch,
    private readonly consumers: Consumers,
  ) {}

  onApplicationBootstrap(): void {
    this.watch.onTimed((what, group, ms) => this.metrics.observe(histograms[what], { group }, ms / 1000));
  }

  @MetricCollector()
  collect(): void {
    this.metrics.set('tocsin_consumer_commit_failures_total', byGroup(this.watch.commitFailures));
    this.metrics.set('tocsin_consumer_rebalances_total', byGroup(this.watch.rebalances));
    this.metrics.set(
      'tocsin_consumer_rebalance_partitions_total',
      [...this.watch.moved].map(([key, count]) => {
        const [group = '', change = ''] = key.split(' ');
        return [{ group, change }, count];
      }),
    );
    this.metrics.set(
      'tocsin_consumer_last_rebalance_timestamp_seconds',
      this.consumers.states().flatMap(({ group, rebalance }) => (rebalance ? [[{ group }, rebalance.at / 1000] as const] : [])),
    );
  }
}

function byGroup(counts: ReadonlyMap<string, number>): [{ group: string }, number][] {
  return [...counts].map(([group, count]) => [{ group }, count]);
}
