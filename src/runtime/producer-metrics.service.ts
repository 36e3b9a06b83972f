import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { EventLog } from '../log/event-log.js';
import { MetricCollector } from './metric-collector.decorator.js';
import type { MetricName } from './metric-catalogue.js';
import { Metrics } from './metrics.service.js';

/** Copies the counters of the producers into the metrics at every scrape, and observes their sends and batches. */
@Injectable()
export class ProducerMetrics implements OnApplicationBootstrap {
  constructor(
    private readonly metrics: Metrics,
    private readonly eventLog: EventLog,
  ) {}

  onApplicationBootstrap(): void {
    this.eventLog.producing.observer = {
      confirmed: (topic, seconds) => this.metrics.observe('tocsin_producer_send_duration_seconds', { topic }, seconds),
      batch: (topic, records, bytes) => {
        this.metrics.observe('tocsin_producer_batch_records', { topic }, records);
        this.metrics.observe('tocsin_producer_batch_bytes', { topic }, bytes);
      },
    };
  }

  @MetricCollector()
  collect(): void {
    const { records, retries, failures, buffers, waits } = this.eventLog.producing;
    this.#copy('tocsin_producer_records_total', records, ['topic']);
    this.#copy('tocsin_producer_retries_total', retries, ['topic', 'reason']);
    this.#copy('tocsin_producer_failures_total', failures, ['topic', 'reason']);
    this.metrics.set('tocsin_producer_buffered_bytes', [[{}, buffers.reduce((sum, used) => sum + used(), 0)]]);
    this.metrics.set('tocsin_producer_buffer_waits_total', [[{}, waits]]);
  }

  #copy(name: MetricName, counts: ReadonlyMap<string, number>, labels: readonly string[]): void {
    this.metrics.set(
      name,
      [...counts].map(([key, value]) => [Object.fromEntries(key.split(' ').map((part, index) => [labels[index]!, part])), value]),
    );
  }
}
