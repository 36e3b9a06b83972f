export interface Metric {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets; defaults to those of prom-client, 5 ms to 10 s. */
  readonly buckets?: readonly number[];
}

/** The metrics catalogue, from which docs/metrics.md is generated. Dashboards and alert rules depend on names and labels. */
export const metrics = {
  tocsin_build_info: { type: 'gauge', help: 'Build information of this process; always 1.', labels: ['version', 'mode'] },
  alertmanager_build_info: {
    type: 'gauge',
    help: 'Emulated Alertmanager version, from which clients of the Alertmanager API select the API version; always 1.',
    labels: ['version'],
  },
  tocsin_access_events_total: {
    type: 'counter',
    help: 'Events received, by result and by endpoint, error code or reason.',
    labels: ['result', 'detail'],
  },
  tocsin_access_degraded_events_total: {
    type: 'counter',
    help: 'Events dropped by a degrade switch, by source of the switch and by rule (priority, sample).',
    labels: ['source', 'by'],
  },
  tocsin_access_degrade_switch: { type: 'gauge', help: 'Active degrade switches; 1 per source with an active switch.', labels: ['source'] },
  tocsin_access_pending_events: { type: 'gauge', help: 'Events waiting for acknowledgement by the event log.', labels: [] },
  tocsin_producer_records_total: { type: 'counter', help: 'Records acknowledged by the event log.', labels: ['topic'] },
  tocsin_producer_send_duration_seconds: {
    type: 'histogram',
    help: 'Time from publish to acknowledgement by the event log.',
    labels: ['topic'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30, 120],
  },
  tocsin_producer_failures_total: {
    type: 'counter',
    help: 'Records not acknowledged, by reason (timed_out, too_large, refused, buffer_full, closed).',
    labels: ['topic', 'reason'],
  },
  tocsin_producer_retries_total: {
    type: 'counter',
    help: 'Distributed mode: produce requests retried, by Kafka error or no_response, not_connected.',
    labels: ['topic', 'reason'],
  },
  tocsin_producer_batch_records: {
    type: 'histogram',
    help: 'Distributed mode: records per produced batch.',
    labels: ['topic'],
    buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000],
  },
  tocsin_producer_batch_bytes: {
    type: 'histogram',
    help: 'Distributed mode: compressed bytes per produced batch.',
    labels: ['topic'],
    buckets: [256, 1024, 4096, 16384, 65536, 262144, 1048576],
  },
  tocsin_producer_buffered_bytes: { type: 'gauge', help: 'Distributed mode: bytes of records buffered or in flight.', labels: [] },
  tocsin_producer_buffer_waits_total: {
    type: 'counter',
    help: 'Distributed mode: publishes that waited because the buffer was full.',
    labels: [],
  },
  tocsin_consumer_records_total: { type: 'counter', help: 'Records processed by this replica.', labels: ['group', 'topic'] },
  tocsin_consumer_batches_total: { type: 'counter', help: 'Batches processed by this replica.', labels: ['group', 'topic'] },
  tocsin_consumer_failures_total: { type: 'counter', help: 'Batches that failed and were retried, by reason.', labels: ['group', 'topic', 'reason'] },
  tocsin_consumer_poison_total: {
    type: 'counter',
    help: 'Poison records sent to the dead-letter topic, by error code.',
    labels: ['group', 'topic', 'code'],
  },
  tocsin_consumer_lag: {
    type: 'gauge',
    help: 'Consumer lag in records (log end offset minus cursor) of the partitions assigned to this replica.',
    labels: ['group', 'topic', 'partition'],
  },
  tocsin_group_lag: {
    type: 'gauge',
    help: 'Consumer lag in records of a whole group per topic, assigned partitions or not. Every replica reports the same value: aggregate with max.',
    labels: ['group', 'topic'],
  },
  tocsin_congestion: {
    type: 'gauge',
    help: '1 while a group is congested in a topic (LAG_THRESHOLD, LAG_FOR_MS, LAG_CLEAR_RATIO). Every replica reports the same value.',
    labels: ['group', 'topic'],
  },
  tocsin_lag_sample_age_seconds: {
    type: 'gauge',
    help: 'Age of the latest lag sample; grows while the event log or the database is unavailable.',
    labels: [],
  },
  tocsin_consumer_batch_duration_seconds: {
    type: 'histogram',
    help: 'Processing time of a batch, including its database transaction.',
    labels: ['group'],
  },
  tocsin_consumer_commit_duration_seconds: {
    type: 'histogram',
    help: 'Duration of an offset commit to the event log.',
    labels: ['group'],
  },
  tocsin_consumer_commit_failures_total: {
    type: 'counter',
    help: 'Failed offset commits to the event log. They affect lag tools only; the cursor is in the database.',
    labels: ['group'],
  },
  tocsin_consumer_poll_interval_seconds: { type: 'histogram', help: 'Time between two fetches per broker.', labels: ['group'] },
  tocsin_consumer_rebalances_total: { type: 'counter', help: 'Rebalances of the group in which this replica took part.', labels: ['group'] },
  tocsin_consumer_rebalance_partitions_total: {
    type: 'counter',
    help: 'Partitions of this replica in rebalances, by change (kept, gained, lost).',
    labels: ['group', 'change'],
  },
  tocsin_consumer_rebalance_stall_seconds: {
    type: 'histogram',
    help: 'Time without progress during a rebalance, from the pause to the next processed record, or to the last acquired partition if no record is waiting.',
    labels: ['group'],
    buckets: [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120],
  },
  tocsin_consumer_last_rebalance_timestamp_seconds: {
    type: 'gauge',
    help: 'Unix time of the last rebalance of the group seen by this replica.',
    labels: ['group'],
  },
  tocsin_dead_letters_redriven_total: {
    type: 'counter',
    help: 'Dead letter records selected for redrive, by outcome.',
    labels: ['topic', 'outcome'],
  },
  tocsin_consumer_assigned_partitions: { type: 'gauge', help: 'Partitions assigned to this replica.', labels: ['group'] },
  tocsin_consumer_paused_partitions: {
    type: 'gauge',
    help: 'Partitions of this replica that are paused, halted or waiting for a retry.',
    labels: ['group'],
  },
  tocsin_consumer_up: { type: 'gauge', help: '1 while the consumer is running.', labels: ['group'] },
  tocsin_source_up: { type: 'gauge', help: '1 while the source is running on this replica without problems.', labels: ['source'] },
  tocsin_source_partitions: { type: 'gauge', help: 'Partitions of the source that are assigned to this replica.', labels: ['source'] },
  tocsin_source_in_flight_batches: { type: 'gauge', help: 'Batches of the source that are being published to raw_events.', labels: ['source'] },
  tocsin_source_lag: {
    type: 'gauge',
    help: 'Source lag in records (log end offset minus position) of the partitions assigned to this replica.',
    labels: ['source', 'topic', 'partition'],
  },
  tocsin_source_records_total: { type: 'counter', help: 'Records read from the source by this replica.', labels: ['source'] },
  tocsin_source_events_total: { type: 'counter', help: 'Events decoded from records of the source.', labels: ['source'] },
  tocsin_source_failures_total: {
    type: 'counter',
    help: 'Failed publishes and position commits of the source; they are retried.',
    labels: ['source'],
  },
  tocsin_source_poison_total: {
    type: 'counter',
    help: 'Records of the source sent to the dead-letter topic, by error code.',
    labels: ['source', 'code'],
  },
  tocsin_detect_series: { type: 'gauge', help: 'Series in the memory of this replica.', labels: [] },
  tocsin_detect_open_alerts: { type: 'gauge', help: 'Open alerts and leases in the memory of this replica.', labels: [] },
  tocsin_detect_events_total: {
    type: 'counter',
    help: 'Events processed by Detect, and observations by outcome (accepted, late, without a matching strategy).',
    labels: ['outcome'],
  },
  tocsin_notices_total: { type: 'counter', help: 'Notices by channel and outcome (sent, retried, dead).', labels: ['channel', 'outcome'] },
  tocsin_notice_delivery_seconds: {
    type: 'histogram',
    help: 'Duration of one delivery attempt of a notice.',
    labels: ['channel', 'outcome'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  tocsin_notice_delay_seconds: {
    type: 'histogram',
    help: 'Time from the decision to notify to successful delivery, including all attempts.',
    labels: ['channel'],
    buckets: [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 21600],
  },
  tocsin_database_transactions_total: {
    type: 'counter',
    help: 'Database transactions by outcome (committed, rolled_back, ambiguous, discarded).',
    labels: ['outcome'],
  },
  tocsin_database_transaction_duration_seconds: {
    type: 'histogram',
    help: 'Duration of a transaction, from its first statement to its end.',
    labels: [],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
  },
  tocsin_database_commit_duration_seconds: {
    type: 'histogram',
    help: 'Duration of COMMIT, which includes the fsync of the database.',
    labels: [],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  },
  tocsin_database_waiting_transactions: {
    type: 'gauge',
    help: 'Transactions waiting for a connection, or for the single writer of SQLite.',
    labels: [],
  },
  tocsin_database_connections: {
    type: 'gauge',
    help: 'Distributed mode: database connections by state (open, idle), and transactions waiting for one.',
    labels: ['state'],
  },
  tocsin_outbox_rows: {
    type: 'gauge',
    help: 'Distributed mode: outbox rows of all replicas that wait to be published; 10001 means more than 10000.',
    labels: [],
  },
  tocsin_outbox_oldest_age_seconds: {
    type: 'gauge',
    help: 'Distributed mode: age of the oldest row in the outbox; 0 when the outbox is empty.',
    labels: [],
  },
  tocsin_dead_letters: { type: 'gauge', help: 'Records in the dead-letter topic of a topic, including redriven ones.', labels: ['topic'] },
  tocsin_duty_runs_total: {
    type: 'counter',
    help: 'Runs of leader-elected tasks (duties) on this replica, by outcome (done, failed).',
    labels: ['duty', 'outcome'],
  },
  tocsin_self_alarms: { type: 'gauge', help: 'Active self-monitoring alerts reported by this replica, by name.', labels: ['name'] },
  tocsin_pushes_total: {
    type: 'counter',
    help: 'Pushes to self-healing queues by outcome (sent, retried, dead, too_old).',
    labels: ['outcome'],
  },
  tocsin_duty_leader: { type: 'gauge', help: '1 for each leader-elected task (duty) of which this replica is the leader.', labels: ['duty'] },
  tocsin_metrics_failures_total: { type: 'counter', help: 'Failed metric collections during a scrape.', labels: [] },
  tocsin_http_request_duration_seconds: { type: 'histogram', help: 'Duration of HTTP requests.', labels: ['method', 'route', 'status'] },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof metrics;
export type MetricLabels = Readonly<Record<string, string | number>>;
