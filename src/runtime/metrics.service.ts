import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { type MetricLabels, type Metric, type MetricName, metrics } from './metric-catalogue.js';

/** The registry behind /metrics. Hot paths increment plain numbers; collectors copy them on each scrape. */
@Injectable()
export class Metrics {
  readonly #registry = new Registry();
  readonly #collectors: (() => void | Promise<void>)[] = [];
  readonly #instruments = new Map<string, Counter | Gauge | Histogram>();

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    for (const [name, { type, help, labels, buckets }] of Object.entries(metrics) as [string, Metric][]) {
      const options = { name, help, labelNames: [...labels], registers: [this.#registry] };
      const instrument =
        type === 'counter'
          ? new Counter(options)
          : type === 'gauge'
            ? new Gauge(options)
            : new Histogram({ ...options, ...(buckets && { buckets: [...buckets] }) });
      this.#instruments.set(name, instrument);
    }
  }

  /** Registers a collector, which runs before every scrape. */
  onCollect(collector: () => void | Promise<void>): void {
    this.#collectors.push(collector);
  }

  increment(name: MetricName, labels: MetricLabels = {}, by = 1): void {
    (this.#instruments.get(name) as Counter).inc({ ...labels }, by);
  }

  observe(name: MetricName, labels: MetricLabels, value: number): void {
    (this.#instruments.get(name) as Histogram).observe({ ...labels }, value);
  }

  /** Replaces all values of a gauge or counter; label combinations that are absent are removed. */
  set(name: MetricName, values: readonly (readonly [MetricLabels, number])[]): void {
    const instrument = this.#instruments.get(name) as Counter | Gauge;
    instrument.reset();
    for (const [labels, value] of values) instrument.inc({ ...labels }, value);
  }

  /** Prometheus text format. */
  async text(): Promise<string> {
    for (const collect of this.#collectors) {
      try {
        await collect();
      } catch {
        // During an outage a partial scrape is more useful than a failed one.
        this.increment('tocsin_metrics_failures_total');
      }
    }
    return this.#registry.metrics();
  }
}
