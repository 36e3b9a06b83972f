import { hostname } from 'node:os';
import { z } from 'zod';
import { commitPolicySyntax, parseCommitPolicies } from './commit-policy.js';
import {
  type Setting,
  textSetting,
  count,
  port,
  positive,
  booleanSetting,
  list,
  share,
  topicCounts,
  topicOverrides,
  rate,
  topicNames,
  compressionNames,
  setting,
} from './setting.js';

/** TLS and SASL settings of a cluster; `prefix` precedes the names of the settings. */
function kafkaAccess<P extends '' | 'ALERT_'>(prefix: P, cluster: string) {
  const file = textSetting.optional();
  const all = {
    KAFKA_TLS: setting(booleanSetting, 'false', `${cluster}: use TLS (security.protocol).`),
    KAFKA_TLS_CA_FILE: setting(
      file,
      undefined,
      `${cluster}: PEM file with the certificate authority that signed the broker certificates. Default: the authorities that Node.js trusts.`,
    ),
    KAFKA_TLS_CERT_FILE: setting(
      file,
      undefined,
      `${cluster}: PEM file with the client certificate, for brokers that require one (ssl.client.auth).`,
    ),
    KAFKA_TLS_KEY_FILE: setting(file, undefined, `${cluster}: PEM file with the private key of the client certificate.`),
    KAFKA_TLS_KEY_PASSPHRASE: setting(textSetting.optional(), undefined, `${cluster}: passphrase of the encrypted private key (ssl.key.password).`),
    KAFKA_TLS_SERVER_NAME: setting(
      textSetting.optional(),
      undefined,
      `${cluster}: server name expected in the broker certificates (SNI). Default: the host of the connection.`,
    ),
    KAFKA_SASL_MECHANISM: setting(
      z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).optional(),
      undefined,
      `${cluster}: SASL mechanism (sasl.mechanism). Default: no SASL authentication.`,
    ),
    KAFKA_SASL_USERNAME: setting(textSetting.optional(), undefined, `${cluster}: SASL user name.`),
    KAFKA_SASL_PASSWORD: setting(textSetting.optional(), undefined, `${cluster}: SASL password.`),
  };
  return Object.fromEntries(Object.entries(all).map(([name, each]) => [prefix + name, each])) as {
    [K in keyof typeof all as `${P}${K}`]: (typeof all)[K];
  };
}

/** The settings catalogue. A setting is an environment variable, or a key of the same name in the YAML file TOCSIN_CONFIG. */
export const settings = {
  HTTP_HOST: setting(textSetting, '127.0.0.1', 'Listen address. Keep the loopback address unless an authenticating proxy is in front.'),
  HTTP_PORT: setting(port, '8080', 'Listen port; 0 selects a free port.'),
  EXTERNAL_URL: setting(textSetting.optional(), undefined, 'Public base URL of this server, used in links. Default: the listen address.'),
  DATA_DIR: setting(textSetting, 'data', 'Embedded mode: directory of the database file tocsin.db.'),
  SQLITE_DRIVER: setting(
    z.enum(['auto', 'better-sqlite3', 'libsql']),
    'auto',
    'Embedded mode: SQLite driver; auto selects better-sqlite3 if it is installed, otherwise libsql.',
  ),
  KAFKA_BROKERS: setting(
    list.optional(),
    undefined,
    'Distributed mode: Kafka bootstrap servers (bootstrap.servers), host:port,host:port. Requires DATABASE_URL.',
  ),
  ALERT_KAFKA_BROKERS: setting(
    list.optional(),
    undefined,
    'Bootstrap servers of a separate Kafka cluster for alerts, alert_status and converged_alerts. Default: the cluster of KAFKA_BROKERS.',
  ),
  ...kafkaAccess('', 'Kafka'),
  ...kafkaAccess('ALERT_', 'Kafka of ALERT_KAFKA_BROKERS'),
  DATABASE_URL: setting(
    z
      .string()
      .regex(/^(mysql|mariadb):\/\//, 'must start with mysql:// or mariadb://')
      .optional(),
    undefined,
    'Distributed mode: database URL, mysql://user:password@host:port/database. Requires KAFKA_BROKERS.',
  ),
  DATABASE_POOL: setting(count, '10', 'Distributed mode: maximum number of database connections per replica.'),
  SECRET_KEY: setting(
    textSetting.optional(),
    undefined,
    'Encryption key for stored secrets: 32 bytes in hex or base64, identical on every replica. A comma-separated list rotates keys: the first key encrypts, every key decrypts. Default: embedded mode creates DATA_DIR/secret.key.',
  ),
  SECRET_KEY_FILE: setting(textSetting.optional(), undefined, 'File that contains SECRET_KEY.'),
  SOURCES_RECONCILE_MS: setting(
    count.refine((value) => value >= 100 && value <= 15_000, 'must be 100 to 15000'),
    '10000',
    'Sources: maximum time between two comparisons of the declared sources with the running ones.',
  ),
  SOURCES_COMMIT_MS: setting(count, '500', 'Sources: interval between position commits of a partition; uncommitted records are redelivered.'),
  INSTANCE_ID: setting(textSetting, `${hostname()}-${process.pid}`, 'Unique name of this replica. Default: host name and process id.'),
  TOPIC_PREFIX: setting(textSetting, '', 'Prefix of every topic name, so that several installations can share a Kafka cluster.'),
  GROUP_PREFIX: setting(textSetting, 'tocsin', 'Prefix of every consumer group id (group.id): <prefix>.detect and so on.'),
  TOPIC_PARTITIONS: setting(count.optional(), undefined, 'Number of partitions of a new topic. Default: 4 in embedded mode, 12 on Kafka.'),
  TOPIC_REPLICATION: setting(count, '1', 'Kafka: replication factor of a new topic; use 3 in production.'),
  TOPIC_RETENTION_HOURS: setting(
    count.optional(),
    undefined,
    'Kafka: retention time of a new topic (retention.ms); dead-letter topics keep records three times as long. Default: the broker default.',
  ),
  TOPIC_MIN_INSYNC_REPLICAS: setting(
    count.optional(),
    undefined,
    'Kafka: min.insync.replicas of a new topic; use 2 with replication factor 3. Default: the broker default.',
  ),
  TOPIC_OVERRIDES: setting(
    topicOverrides,
    '',
    'Overrides of the TOPIC_ settings per topic, topic.property=number, …: raw_events.partitions=48,alerts.retention_hours=720. Properties: partitions, replication, retention_hours, min_insync_replicas.',
  ),
  PARTITION_KEY: setting(z.enum(['bk_biz_id', 'event_source']), 'bk_biz_id', 'Record key of raw_events. Events with the same key stay in order.'),
  KAFKA_SESSION_TIMEOUT_MS: setting(
    count,
    '30000',
    'Kafka: session timeout (session.timeout.ms). A replica that sends no heartbeat for this long loses its partitions.',
  ),
  KAFKA_HEARTBEAT_INTERVAL_MS: setting(count, '3000', 'Kafka: interval between heartbeats (heartbeat.interval.ms).'),
  KAFKA_METADATA_MAX_AGE_MS: setting(count, '30000', 'Kafka: interval between refreshes of topics and partitions (metadata.max.age.ms).'),
  KAFKA_RECONNECT_BACKOFF_MAX_MS: setting(
    count,
    '60000',
    'Kafka clusters of sources: maximum backoff between connection attempts (reconnect.backoff.max.ms). The first three retries follow quickly.',
  ),
  KAFKA_ASSIGNER: setting(
    z.enum(['sticky', 'range', 'round_robin']),
    'sticky',
    'Kafka: partition assignment strategy (partition.assignment.strategy). sticky moves as few partitions as possible. Replicas may use different strategies during a rolling update.',
  ),
  KAFKA_REBALANCE_DRAIN_MS: setting(
    count,
    '3000',
    'Kafka: maximum time during a rebalance to finish the current batch, and again to flush pending commits. Unfinished work is redelivered.',
  ),
  KAFKA_FETCH_MAX_WAIT_MS: setting(positive, '500', 'Kafka: maximum time a broker waits for data before it answers a fetch (fetch.max.wait.ms).'),
  KAFKA_FETCH_MIN_BYTES: setting(positive, '1', 'Kafka: minimum bytes before a broker answers a fetch (fetch.min.bytes).'),
  KAFKA_FETCH_MAX_BYTES: setting(positive, '10485760', 'Kafka: maximum bytes per fetch (fetch.max.bytes).'),
  KAFKA_MAX_PARTITION_FETCH_BYTES: setting(positive, '5242880', 'Kafka: maximum bytes per partition in a fetch (max.partition.fetch.bytes).'),
  KAFKA_COMPRESSION: setting(z.enum(compressionNames), 'lz4', 'Kafka: compression codec of produced records (compression.type).'),
  KAFKA_TOPIC_COMPRESSION: setting(topicNames(compressionNames), '', 'Overrides of KAFKA_COMPRESSION per topic: topic=codec,topic=codec.'),
  KAFKA_PARTITIONER: setting(
    topicNames(['murmur2', 'crc32', 'fnv1a', 'round_robin']),
    '',
    'Partitioner per topic, topic=name,topic=name: murmur2 (Java client, default), crc32 (librdkafka), fnv1a (Sarama), round_robin.',
  ),
  KAFKA_PRODUCERS: setting(count, '2', 'Kafka: number of producers, each with its own partitions and one request in flight.'),
  KAFKA_DELIVERY_TIMEOUT_MS: setting(
    positive,
    '120000',
    'Kafka: maximum time to deliver a record, retries included (delivery.timeout.ms). After that its publish fails.',
  ),
  KAFKA_BATCH_MESSAGES: setting(positive, '1000', 'Kafka: maximum number of records per partition in a produce request.'),
  KAFKA_BATCH_BYTES: setting(
    positive,
    '524288',
    'Kafka: maximum size of a record batch before compression (batch.size); a single larger record is sent alone.',
  ),
  KAFKA_BUFFER_BYTES: setting(positive, '33554432', 'Kafka: memory for unsent records per cluster (buffer.memory).'),
  LINGER_MS: setting(count, '10', 'How long the producer waits to fill a batch (linger.ms).'),
  PUBLISH_TIMEOUT_MS: setting(
    positive,
    '8000',
    'HTTP: maximum time to wait until the event log acknowledges events; after that the sender gets status 503. Use less than the timeout of the senders.',
  ),
  ENVELOPE_EVENTS: setting(positive, '200', 'Maximum number of events per raw_events record; 1 writes one record per event.'),
  PENDING_EVENTS: setting(count, '100000', 'Maximum number of unacknowledged events; above it senders get status 429.'),
  RETENTION_HOURS: setting(count, '72', 'Embedded log: retention time (retention.ms).'),
  RETENTION_BYTES: setting(count, '4294967296', 'Embedded log: retention size per topic (retention.bytes). The oldest records are deleted first.'),
  MAX_BODY_BYTES: setting(count, '5242880', 'HTTP: maximum size of a request body. The decompressed body may be four times as large.'),
  MAX_EVENTS: setting(count, '10000', 'HTTP: maximum number of events per request.'),
  ACCESS_RATE: setting(
    rate.optional(),
    undefined,
    'HTTP: rate limit of all requests without a source, events_per_second or events_per_second:burst, per replica. Default: no limit.',
  ),
  EVENT_MAX_AGE_MS: setting(
    count,
    '0',
    'Maximum age of incoming metrics, events and logs; older ones are dropped and counted. 0 accepts every age, so that a backlog can be processed.',
  ),
  DEGRADE_MAX_MS: setting(positive, '86400000', 'Maximum duration of a degrade switch.'),
  DEFAULT_BUSINESS: setting(textSetting, '2', 'Business (bk_biz_id) of remote write samples and Alertmanager alerts that specify none.'),
  MAX_EVENT_BYTES: setting(count, '262144', 'Maximum size of an event in the event log.'),
  MAX_RECORD_BYTES: setting(count, '1048576', 'Maximum size of a consumed record; larger records move to the dead-letter topic.'),
  BATCH_RECORDS: setting(count, '500', 'Maximum number of records that a stage processes in one transaction (max.poll.records).'),
  STAGE_BATCH_RECORDS: setting(
    topicCounts.refine((all) => [...all.values()].every((each) => each >= 1), 'must be at least 1'),
    '',
    'Overrides of BATCH_RECORDS and DETECT_BATCH_RECORDS per consumer group: alert=200,notice=50.',
  ),
  COMMIT_POLICY: setting(
    textSetting.regex(commitPolicySyntax, 'must be batch, records:N or ms:N, and group=… for exceptions').transform(parseCommitPolicies),
    'batch',
    'Kafka: when offsets are committed to the broker, for lag tools: batch, records:N or ms:N, with overrides per consumer group: batch,detect=ms:1000.',
  ),
  DETECT_BATCH_RECORDS: setting(count, '5000', 'BATCH_RECORDS of Detect, where few batches need a database transaction.'),
  DETECT_COMMIT_MS: setting(count, '1000', 'Detect: maximum time until a batch without output is committed.'),
  DETECT_CHECKPOINT_MS: setting(count, '10000', 'Detect: interval between checkpoints of a partition.'),
  POISON_WINDOW: setting(positive, '1000', 'Poison-record limit: number of recent records per partition to which POISON_PERCENT applies.'),
  POISON_PERCENT: setting(
    count.refine((value) => value >= 1 && value <= 100, 'must be a percentage (1-100)'),
    '50',
    'Poison-record limit: a partition is halted when more than this percentage of its last POISON_WINDOW records are poison; 100 disables the check.',
  ),
  POISON_MAX_CONSECUTIVE: setting(positive, '500', 'Poison-record limit: a partition is halted after this many consecutive poison records.'),
  DLQ_MAX_REDRIVES: setting(count, '3', 'Dead letters: maximum number of redrives of a record.'),
  DLQ_REDRIVE_PER_SECOND: setting(positive, '500', 'Dead letters: maximum number of redriven records per second.'),
  TICK_MS: setting(count, '1000', 'Detect: interval between clock records in a partition with pending timers.'),
  RULES_PATH: setting(textSetting.optional(), undefined, 'YAML file, or directory of YAML files, with strategies and receivers to apply at startup.'),
  GROUP_WAIT_MS: setting(count, '10000', 'Converge: wait before the first notification of a new group (group_wait).'),
  GROUP_INTERVAL_MS: setting(count, '60000', 'Converge: minimum interval between two notifications of a changed group (group_interval).'),
  REPEAT_INTERVAL_MS: setting(count, '14400000', 'Converge: interval between repeated notifications of a firing group (repeat_interval).'),
  STORM_THRESHOLD: setting(
    count,
    '50',
    'Converge: number of new alerts of one strategy within STORM_WINDOW_MS that opens an alert storm; 0 disables storm detection.',
  ),
  STORM_WINDOW_MS: setting(count, '60000', 'Converge: time window of storm detection.'),
  NOTICE_TIMEOUT_MS: setting(count, '10000', 'Notice: timeout of one delivery attempt.'),
  NOTICE_CONCURRENCY: setting(
    count.refine((value) => value >= 1, 'must be at least 1'),
    '1',
    'Notice: maximum number of concurrent deliveries to one receiver. After a crash at most this many are repeated, with their idempotency keys. Raise it for a slow receiver.',
  ),
  NOTICE_RETRY_MS: setting(count, '1000', 'Notice: initial retry backoff; doubles with jitter.'),
  NOTICE_RETRY_MAX_MS: setting(count, '300000', 'Notice: maximum retry backoff.'),
  NOTICE_RETRY_TIMEOUT_MS: setting(count, '21600000', 'Notice: maximum time for retries after the first attempt; after that the notice is dead.'),
  MESSAGE_QUEUE_DSN: setting(
    textSetting.optional(),
    undefined,
    'Fault self-healing: queues that receive every alert: kafka://host:port/topic, redis://[:password]@host:port/db/key, an object with Kafka client settings, a list, or a JSON map from business to any of these (0: every business).',
  ),
  MESSAGE_QUEUE_TIMEOUT_MS: setting(count, '3000', 'Fault self-healing: timeout of one delivery attempt, unless the queue overrides it.'),
  MESSAGE_QUEUE_MAX_AGE_MS: setting(
    count,
    '600000',
    'Fault self-healing: maximum age of a push. Older pushes are discarded, because a late self-healing action may do harm.',
  ),
  MESSAGE_QUEUE_FORMAT: setting(
    z.enum(['full', 'compatible']),
    'full',
    'Fault self-healing: message format, the complete alert or the reduced format of older systems.',
  ),
  MESSAGE_QUEUE_LENGTH: setting(count, '10000', 'Fault self-healing: maximum length of a Redis list.'),
  LAG_THRESHOLD: setting(count, '100000', 'Consumer lag in records above which a group counts as congested (readiness reports degraded).'),
  LAG_TOPIC_THRESHOLDS: setting(topicCounts, '', 'Overrides of LAG_THRESHOLD per topic: topic=records,topic=records.'),
  LAG_FOR_MS: setting(count, '60000', 'How long the lag must exceed its threshold before a congestion alert is raised in business 0.'),
  LAG_CLEAR_RATIO: setting(share, '0.5', 'Fraction of the threshold to which the lag must fall before a congestion is resolved (hysteresis).'),
  LAG_SAMPLE_MS: setting(
    count.refine((value) => value >= 100, 'must be at least 100'),
    '5000',
    'Interval between lag samples of all consumer groups.',
  ),
  SELF_ALARM_RENEW_MS: setting(
    count.refine((value) => value >= 100, 'must be at least 100'),
    '30000',
    'Renewal interval of self-monitoring alerts (business 0). An alert that is not renewed ends after four intervals.',
  ),
  LEASE_MS: setting(
    count,
    '10000',
    'Lease duration of leader-elected tasks (timers, notices). After a crash of the leader another replica takes over when its lease expires.',
  ),
  SHUTDOWN_MS: setting(count, '3000', 'Maximum duration of a graceful shutdown.'),
  LOG_LEVEL: setting(z.enum(['debug', 'info', 'warn', 'error']), 'info', 'Minimum level of log messages.'),
  LOG_FORMAT: setting(z.enum(['json', 'text']).optional(), undefined, 'Log format. Default: text in embedded mode, json in distributed mode.'),
  DOCS: setting(booleanSetting, 'true', 'Serve the OpenAPI documentation at /docs.'),
} satisfies Record<string, Setting<unknown>>;

/** Parsed values of the settings. */
export type Settings = { readonly [K in keyof typeof settings]: (typeof settings)[K] extends Setting<infer T> ? T : never };
