import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

interface Metric {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

/** The metrics catalogue; docs/metrics.md is made from it. Names and labels are a contract with dashboards. */
export const metrics = {
  tocsin_build_info: { type: 'gauge', help: 'Always 1; the labels say what runs.', labels: ['version', 'mode'] },
  alertmanager_build_info: {
    type: 'gauge',
    help: 'Always 1; by its version clients of the Alertmanager API choose the dialect.',
    labels: ['version'],
  },
  tocsin_access_events_total: {
    type: 'counter',
    help: 'Events that senders offered, by what became of them and by door, error code or reason.',
    labels: ['result', 'detail'],
  },
  tocsin_access_pending_events: { type: 'gauge', help: 'Events that wait for the log at the moment.', labels: [] },
  tocsin_consumer_records_total: { type: 'counter', help: 'Records handled by this replica.', labels: ['group', 'topic'] },
  tocsin_consumer_batches_total: { type: 'counter', help: 'Batches handled by this replica.', labels: ['group', 'topic'] },
  tocsin_consumer_failures_total: { type: 'counter', help: 'Batches that failed and came again, by reason.', labels: ['group', 'topic', 'reason'] },
  tocsin_consumer_poison_total: { type: 'counter', help: 'Records sent to the dead letters, by error code.', labels: ['group', 'topic', 'code'] },
  tocsin_consumer_lag: {
    type: 'gauge',
    help: 'End of the log minus position, for partitions of this replica.',
    labels: ['group', 'topic', 'partition'],
  },
  tocsin_consumer_assigned_partitions: { type: 'gauge', help: 'Partitions that this replica owns.', labels: ['group'] },
  tocsin_consumer_paused_partitions: { type: 'gauge', help: 'Partitions that wait after a failure or by command.', labels: ['group'] },
  tocsin_consumer_up: { type: 'gauge', help: '1 while the consumer runs.', labels: ['group'] },
  tocsin_detect_series: { type: 'gauge', help: 'Series in the memory of this replica.', labels: [] },
  tocsin_detect_open_alerts: { type: 'gauge', help: 'Alerts and leases that are open in the memory of this replica.', labels: [] },
  tocsin_detect_events_total: {
    type: 'counter',
    help: 'Events that Detect folded; observations that were accepted, late, or of no strategy.',
    labels: ['outcome'],
  },
  tocsin_notices_total: { type: 'counter', help: 'Notices by channel and outcome (sent, retried, dead).', labels: ['channel', 'outcome'] },
  tocsin_duties_held: { type: 'gauge', help: '1 for each single-owner duty that this replica holds.', labels: ['duty'] },
  tocsin_http_request_duration_seconds: { type: 'histogram', help: 'Time to answer an HTTP request.', labels: ['method', 'route', 'status'] },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof metrics;
type Labels = Readonly<Record<string, string | number>>;

/** The registry behind /metrics. Hot paths count in plain numbers; a collector copies them when somebody scrapes. */
@Injectable()
export class Metrics {
  readonly #registry = new Registry();
  readonly #collectors: (() => void | Promise<void>)[] = [];
  readonly #instruments = new Map<string, Counter | Gauge | Histogram>();

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    for (const [name, { type, help, labels }] of Object.entries(metrics) as [string, Metric][]) {
      const options = { name, help, labelNames: [...labels], registers: [this.#registry] };
      const instrument = type === 'counter' ? new Counter(options) : type === 'gauge' ? new Gauge(options) : new Histogram(options);
      this.#instruments.set(name, instrument);
    }
  }

  /** Called before every scrape. */
  onCollect(collector: () => void | Promise<void>): void {
    this.#collectors.push(collector);
  }

  increment(name: MetricName, labels: Labels = {}, by = 1): void {
    (this.#instruments.get(name) as Counter).inc({ ...labels }, by);
  }

  observe(name: MetricName, labels: Labels, value: number): void {
    (this.#instruments.get(name) as Histogram).observe({ ...labels }, value);
  }

  /** Sets all values of a gauge or counter at once; combinations of labels that are absent disappear. */
  set(name: MetricName, values: readonly (readonly [Labels, number])[]): void {
    const instrument = this.#instruments.get(name) as Counter | Gauge;
    instrument.reset();
    for (const [labels, value] of values) instrument.inc({ ...labels }, value);
  }

  /** Prometheus text format. */
  async text(): Promise<string> {
    for (const collect of this.#collectors) await collect();
    return this.#registry.metrics();
  }
}
