import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

interface Metric {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets; default those of prom-client, 5 ms to 10 s. */
  readonly buckets?: readonly number[];
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
  tocsin_access_degraded_events_total: {
    type: 'counter',
    help: 'Events that a degrade switch has dropped, by the source of the switch and by what (priority, sample).',
    labels: ['source', 'by'],
  },
  tocsin_access_degrade_switch: { type: 'gauge', help: '1 for each degrade switch that holds.', labels: ['source'] },
  tocsin_access_pending_events: { type: 'gauge', help: 'Events that wait for the log at the moment.', labels: [] },
  tocsin_producer_records_total: { type: 'counter', help: 'Records that the log has confirmed.', labels: ['topic'] },
  tocsin_producer_send_duration_seconds: {
    type: 'histogram',
    help: 'From the moment when records were handed in until the log had confirmed them.',
    labels: ['topic'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30, 120],
  },
  tocsin_producer_failures_total: {
    type: 'counter',
    help: 'Records that were not confirmed, by reason (timed_out, too_large, refused, no_room, closed).',
    labels: ['topic', 'reason'],
  },
  tocsin_producer_retries_total: {
    type: 'counter',
    help: 'Distributed mode: batches that were sent again, by error of Kafka or no_answer, not_connected.',
    labels: ['topic', 'reason'],
  },
  tocsin_producer_batch_records: {
    type: 'histogram',
    help: 'Distributed mode: records in a batch.',
    labels: ['topic'],
    buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000],
  },
  tocsin_producer_batch_bytes: {
    type: 'histogram',
    help: 'Distributed mode: bytes of a batch on the wire, compressed.',
    labels: ['topic'],
    buckets: [256, 1024, 4096, 16384, 65536, 262144, 1048576],
  },
  tocsin_producer_buffered_bytes: { type: 'gauge', help: 'Distributed mode: bytes of records that wait for Kafka or are on their way.', labels: [] },
  tocsin_producer_buffer_waits_total: {
    type: 'counter',
    help: 'Distributed mode: publishes that had to wait because the buffer was full.',
    labels: [],
  },
  tocsin_consumer_records_total: { type: 'counter', help: 'Records handled by this replica.', labels: ['group', 'topic'] },
  tocsin_consumer_batches_total: { type: 'counter', help: 'Batches handled by this replica.', labels: ['group', 'topic'] },
  tocsin_consumer_failures_total: { type: 'counter', help: 'Batches that failed and came again, by reason.', labels: ['group', 'topic', 'reason'] },
  tocsin_consumer_poison_total: { type: 'counter', help: 'Records sent to the dead letters, by error code.', labels: ['group', 'topic', 'code'] },
  tocsin_consumer_lag: {
    type: 'gauge',
    help: 'Records behind the end of the log (end minus cursor), for the partitions of this replica.',
    labels: ['group', 'topic', 'partition'],
  },
  tocsin_group_lag: {
    type: 'gauge',
    help: 'Records that a whole group is behind in a topic, owned by a live replica or not. Every replica tells the same: take the maximum.',
    labels: ['group', 'topic'],
  },
  tocsin_congestion: {
    type: 'gauge',
    help: '1 while a group counts as congested in a topic (LAG_THRESHOLD, LAG_FOR_MS, LAG_CLEAR_RATIO). Every replica tells the same.',
    labels: ['group', 'topic'],
  },
  tocsin_lag_sample_age_seconds: {
    type: 'gauge',
    help: 'Age of what the metrics say about lag; grows while log or database do not answer.',
    labels: [],
  },
  tocsin_consumer_batch_duration_seconds: {
    type: 'histogram',
    help: 'Time to handle a batch, its database transaction included.',
    labels: ['group'],
  },
  tocsin_consumer_commit_duration_seconds: {
    type: 'histogram',
    help: 'Time until the log has answered a commit of positions.',
    labels: ['group'],
  },
  tocsin_consumer_commit_failures_total: {
    type: 'counter',
    help: 'Commits of positions that the log refused or did not answer; only lag tools notice.',
    labels: ['group'],
  },
  tocsin_consumer_poll_interval_seconds: { type: 'histogram', help: 'Time from one fetch to the next, of each broker.', labels: ['group'] },
  tocsin_consumer_rebalances_total: { type: 'counter', help: 'Rebalances of the group that this replica took part in.', labels: ['group'] },
  tocsin_consumer_rebalance_partitions_total: {
    type: 'counter',
    help: 'Partitions that rebalances have changed for this replica (kept, gained, lost).',
    labels: ['group', 'change'],
  },
  tocsin_consumer_rebalance_stall_seconds: {
    type: 'histogram',
    help: 'Time without progress around a rebalance: from the stop until a waiting record is handled, or until all is claimed when none waits.',
    labels: ['group'],
    buckets: [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120],
  },
  tocsin_consumer_last_rebalance_timestamp_seconds: {
    type: 'gauge',
    help: 'When the group has last been rebalanced, as this replica saw it (Unix time).',
    labels: ['group'],
  },
  tocsin_dead_letters_redriven_total: {
    type: 'counter',
    help: 'Dead letters that somebody wanted back in their topic, by what became of that.',
    labels: ['topic', 'outcome'],
  },
  tocsin_consumer_assigned_partitions: { type: 'gauge', help: 'Partitions that this replica owns.', labels: ['group'] },
  tocsin_consumer_paused_partitions: { type: 'gauge', help: 'Partitions that wait after a failure or by command.', labels: ['group'] },
  tocsin_consumer_up: { type: 'gauge', help: '1 while the consumer runs.', labels: ['group'] },
  tocsin_source_up: { type: 'gauge', help: '1 while the source runs on this replica and nothing hinders it.', labels: ['source'] },
  tocsin_source_partitions: { type: 'gauge', help: 'Partitions of the source that this replica reads.', labels: ['source'] },
  tocsin_source_in_flight_batches: { type: 'gauge', help: 'Batches of the source whose events are on their way into the log.', labels: ['source'] },
  tocsin_source_lag: {
    type: 'gauge',
    help: 'End of a partition of a source minus what of it is done, for partitions of this replica.',
    labels: ['source', 'topic', 'partition'],
  },
  tocsin_source_records_total: { type: 'counter', help: 'Records read from the source by this replica.', labels: ['source'] },
  tocsin_source_events_total: { type: 'counter', help: 'Events that those records were.', labels: ['source'] },
  tocsin_source_failures_total: {
    type: 'counter',
    help: 'Publishes and commits of the source that failed and were tried again.',
    labels: ['source'],
  },
  tocsin_source_poison_total: {
    type: 'counter',
    help: 'Records of the source that went to the dead letters, by error code.',
    labels: ['source', 'code'],
  },
  tocsin_detect_series: { type: 'gauge', help: 'Series in the memory of this replica.', labels: [] },
  tocsin_detect_open_alerts: { type: 'gauge', help: 'Alerts and leases that are open in the memory of this replica.', labels: [] },
  tocsin_detect_events_total: {
    type: 'counter',
    help: 'Events that Detect folded; observations that were accepted, late, or of no strategy.',
    labels: ['outcome'],
  },
  tocsin_notices_total: { type: 'counter', help: 'Notices by channel and outcome (sent, retried, dead).', labels: ['channel', 'outcome'] },
  tocsin_notice_delivery_seconds: {
    type: 'histogram',
    help: 'Time of one try to deliver a notice.',
    labels: ['channel', 'outcome'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  tocsin_notice_delay_seconds: {
    type: 'histogram',
    help: 'From the decision that somebody is told to the moment when the receiver had it, with all tries.',
    labels: ['channel'],
    buckets: [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 21600],
  },
  tocsin_database_transactions_total: {
    type: 'counter',
    help: 'Transactions that reached the database, by outcome (committed, rolled_back, ambiguous, discarded).',
    labels: ['outcome'],
  },
  tocsin_database_transaction_duration_seconds: {
    type: 'histogram',
    help: 'Time from the first statement of a transaction to its end.',
    labels: [],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
  },
  tocsin_database_commit_duration_seconds: {
    type: 'histogram',
    help: 'Time of COMMIT alone: what the disk of the database takes.',
    labels: [],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  },
  tocsin_database_waiting_transactions: {
    type: 'gauge',
    help: 'Transactions that wait for a connection, or for the one writer of SQLite.',
    labels: [],
  },
  tocsin_database_connections: {
    type: 'gauge',
    help: 'Distributed mode: connections to the database that are open, those of them that are idle, and askers that wait for one.',
    labels: ['state'],
  },
  tocsin_outbox_parcels: {
    type: 'gauge',
    help: 'Distributed mode: parcels of messages of all replicas that wait to be published; 10001 stands for more.',
    labels: [],
  },
  tocsin_outbox_oldest_age_seconds: {
    type: 'gauge',
    help: 'Distributed mode: age of the oldest parcel in the outbox; 0 when there is none.',
    labels: [],
  },
  tocsin_dead_letters: { type: 'gauge', help: 'Records in the dead-letter topic of a topic, redriven ones included.', labels: ['topic'] },
  tocsin_duty_rounds_total: {
    type: 'counter',
    help: 'Rounds of single-owner duties on this replica, by outcome (done, failed).',
    labels: ['duty', 'outcome'],
  },
  tocsin_self_alarms: { type: 'gauge', help: 'Alarms about Tocsin itself that this replica reports at the moment, by name.', labels: ['name'] },
  tocsin_pushes_total: {
    type: 'counter',
    help: 'Pushes to queues of self-healing systems by outcome (sent, retried, dead; too_old: the change was read too late for a push).',
    labels: ['outcome'],
  },
  tocsin_duties_held: { type: 'gauge', help: '1 for each single-owner duty that this replica holds.', labels: ['duty'] },
  tocsin_metrics_failures_total: { type: 'counter', help: 'Metrics that could not be brought up to date for a scrape.', labels: [] },
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
    for (const collect of this.#collectors) {
      try {
        await collect();
      } catch {
        // Half of the metrics are worth more than none while something is wrong.
        this.increment('tocsin_metrics_failures_total');
      }
    }
    return this.#registry.metrics();
  }
}
