import { hostname } from 'node:os';
import { z } from 'zod';
import { commitPolicySyntax, parseCommitPolicies } from './commit-policy.js';
import {
  type Setting,
  text,
  count,
  port,
  positive,
  flag,
  list,
  share,
  topicCounts,
  topicOverrides,
  rate,
  topicNames,
  compressionNames,
  setting,
} from './setting.js';

/** How to reach a cluster, beside its brokers; `prefix` stands before the names of the settings. */
function kafkaAccess<P extends '' | 'ALERT_'>(prefix: P, cluster: string) {
  const file = text.optional();
  const all = {
    KAFKA_TLS: setting(flag, 'false', `${cluster}: speak TLS.`),
    KAFKA_TLS_CA_FILE: setting(
      file,
      undefined,
      `${cluster}: PEM file of the authority that signed the brokers' certificates. Default: those that Node trusts.`,
    ),
    KAFKA_TLS_CERT_FILE: setting(file, undefined, `${cluster}: PEM file of our own certificate, where brokers ask for one.`),
    KAFKA_TLS_KEY_FILE: setting(file, undefined, `${cluster}: PEM file of the key of our certificate.`),
    KAFKA_TLS_KEY_PASSPHRASE: setting(text.optional(), undefined, `${cluster}: what the key of our certificate is encrypted with.`),
    KAFKA_TLS_SERVER_NAME: setting(
      text.optional(),
      undefined,
      `${cluster}: the name that the brokers' certificates must carry. Default: the host we connect to.`,
    ),
    KAFKA_SASL_MECHANISM: setting(
      z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).optional(),
      undefined,
      `${cluster}: how to authenticate; absent: not at all.`,
    ),
    KAFKA_SASL_USERNAME: setting(text.optional(), undefined, `${cluster}: user name.`),
    KAFKA_SASL_PASSWORD: setting(text.optional(), undefined, `${cluster}: password.`),
  };
  return Object.fromEntries(Object.entries(all).map(([name, each]) => [prefix + name, each])) as {
    [K in keyof typeof all as `${P}${K}`]: (typeof all)[K];
  };
}

/** The settings catalogue: environment variable, or the key of the same name in the file that TOCSIN_CONFIG names. */
export const settings = {
  HTTP_HOST: setting(text, '127.0.0.1', 'Address to listen on. Loopback unless you put something that authenticates in front.'),
  HTTP_PORT: setting(port, '8080', 'Port to listen on; 0 takes a free one.'),
  EXTERNAL_URL: setting(text.optional(), undefined, 'How people reach this server; used in links. Default: the address it listens on.'),
  DATA_DIR: setting(text, 'data', 'Embedded mode: folder of tocsin.db.'),
  SQLITE_DRIVER: setting(
    z.enum(['auto', 'better-sqlite3', 'libsql']),
    'auto',
    'Embedded mode: the SQLite binding; auto takes better-sqlite3 where it could be built, else libsql.',
  ),
  KAFKA_BROKERS: setting(list.optional(), undefined, 'Distributed mode: Kafka bootstrap servers, host:port,host:port. Needs DATABASE_URL.'),
  ALERT_KAFKA_BROKERS: setting(
    list.optional(),
    undefined,
    'Bootstrap servers of a cluster of its own for alerts, alert_status and converged_alerts. Default: the cluster of KAFKA_BROKERS.',
  ),
  ...kafkaAccess('', 'Kafka'),
  ...kafkaAccess('ALERT_', 'Kafka of ALERT_KAFKA_BROKERS'),
  DATABASE_URL: setting(
    z
      .string()
      .regex(/^(mysql|mariadb):\/\//, 'must start with mysql:// or mariadb://')
      .optional(),
    undefined,
    'Distributed mode: mysql://user:password@host:port/database. Needs KAFKA_BROKERS.',
  ),
  DATABASE_POOL: setting(count, '10', 'Distributed mode: connections to the database, at most.'),
  SECRET_KEY: setting(
    text.optional(),
    undefined,
    'Key that encrypts stored secrets: 32 bytes in hex or base64, the same on every replica. Several, comma-separated: the first encrypts, all decrypt. Default: embedded mode makes DATA_DIR/secret.key.',
  ),
  SECRET_KEY_FILE: setting(text.optional(), undefined, 'File that holds SECRET_KEY.'),
  SOURCES_RECONCILE_MS: setting(
    count.refine((value) => value >= 100 && value <= 15_000, 'must be 100 to 15000'),
    '10000',
    'Sources: at the latest after so long a replica compares what is declared with what runs.',
  ),
  SOURCES_COMMIT_MS: setting(
    count,
    '500',
    'Sources: time between two commits of the position of a partition; what was not committed comes again after a crash.',
  ),
  INSTANCE_ID: setting(
    text,
    `${hostname()}-${process.pid}`,
    'Name of this replica; must differ between replicas. Default: host name and process id.',
  ),
  TOPIC_PREFIX: setting(text, '', 'Put before every topic name, so that several installations can share a cluster.'),
  GROUP_PREFIX: setting(text, 'tocsin', 'Put before every consumer group name: <prefix>.detect and so on.'),
  TOPIC_PARTITIONS: setting(count.optional(), undefined, 'Partitions of a topic when it is created. Default: 4 embedded, 12 on Kafka.'),
  TOPIC_REPLICATION: setting(count, '1', 'Kafka: replication factor of a topic when it is created; 3 in production.'),
  TOPIC_RETENTION_HOURS: setting(
    count.optional(),
    undefined,
    'Kafka: how long a topic keeps its records when it is created, its dead letters three times as long. Default: what the brokers say.',
  ),
  TOPIC_MIN_INSYNC_REPLICAS: setting(
    count.optional(),
    undefined,
    'Kafka: min.insync.replicas of a topic when it is created; 2 with a replication of 3. Default: what the brokers say.',
  ),
  TOPIC_OVERRIDES: setting(
    topicOverrides,
    '',
    'Exceptions from the TOPIC_ settings, topic.property=number, …: raw_events.partitions=48,alerts.retention_hours=720. Properties: partitions, replication, retention_hours, min_insync_replicas.',
  ),
  PARTITION_KEY: setting(z.enum(['bk_biz_id', 'event_source']), 'bk_biz_id', 'What keeps raw events in order: the business or the event source.'),
  KAFKA_SESSION_TIMEOUT_MS: setting(count, '30000', 'Kafka: a replica that is silent for so long loses its partitions.'),
  KAFKA_HEARTBEAT_MS: setting(count, '3000', 'Kafka: time between heartbeats.'),
  KAFKA_METADATA_MS: setting(count, '30000', 'Kafka: time between looks for new and vanished topics and partitions.'),
  KAFKA_RECONNECT_MS: setting(
    count,
    '60000',
    'Kafka clusters of sources: a cluster that fails is tried three times quickly, then with growing waits, at last every so often.',
  ),
  KAFKA_ASSIGNER: setting(
    z.enum(['sticky', 'range', 'round_robin']),
    'sticky',
    'Kafka: how a group deals out partitions; sticky leaves them where they are. Replicas may differ for the time of a rolling change.',
  ),
  KAFKA_HANDOVER_MS: setting(
    count,
    '3000',
    'Kafka: before partitions change hands, a running batch may take so long to end, and so long what waits to be stored; the rest comes again.',
  ),
  KAFKA_MAX_WAIT_MS: setting(positive, '500', 'Kafka: how long a fetch waits for data.'),
  KAFKA_MIN_BYTES: setting(positive, '1', 'Kafka: a fetch is answered as soon as there are so many bytes.'),
  KAFKA_FETCH_BYTES: setting(positive, '10485760', 'Kafka: bytes per fetch over all partitions of a broker.'),
  KAFKA_PARTITION_BYTES: setting(positive, '5242880', 'Kafka: bytes per partition and fetch.'),
  KAFKA_COMPRESSION: setting(z.enum(compressionNames), 'lz4', 'Kafka: compression of what Tocsin produces.'),
  KAFKA_TOPIC_COMPRESSION: setting(topicNames(compressionNames), '', 'Exceptions from KAFKA_COMPRESSION: topic=codec,topic=codec.'),
  KAFKA_PARTITIONER: setting(
    topicNames(['murmur2', 'crc32', 'fnv1a', 'round_robin']),
    '',
    'How a key finds its partition, topic=name,topic=name: murmur2 (Java, the default), crc32 (librdkafka), fnv1a (Sarama), round_robin.',
  ),
  KAFKA_PRODUCERS: setting(count, '2', 'Kafka: producers that own disjoint partitions, one send in flight each.'),
  KAFKA_DELIVERY_TIMEOUT_MS: setting(
    positive,
    '120000',
    'Kafka: a record that no broker has confirmed is tried again for so long; then its publish fails.',
  ),
  KAFKA_BATCH_MESSAGES: setting(positive, '1000', 'Kafka: records per partition and request, at most.'),
  KAFKA_BATCH_BYTES: setting(positive, '524288', 'Kafka: bytes per partition and request before compression, unless a single record has more.'),
  KAFKA_BUFFER_BYTES: setting(positive, '33554432', 'Kafka: bytes that may wait for each cluster; when they are used up, who publishes waits.'),
  LINGER_MS: setting(count, '10', 'How long a publish waits for company.'),
  PUBLISH_TIMEOUT_MS: setting(
    positive,
    '8000',
    'HTTP: a sender whose events the log has not confirmed within this time gets 503. Shorter than the senders wait.',
  ),
  ENVELOPE_EVENTS: setting(positive, '200', 'Events that share one record of raw_events, at most; 1 makes each a record of its own.'),
  PENDING_EVENTS: setting(count, '100000', 'Events that may wait for the log before senders get 429.'),
  RETENTION_HOURS: setting(count, '72', 'Embedded log: age after which records are deleted.'),
  RETENTION_BYTES: setting(count, '4294967296', 'Embedded log: bytes per topic after which the oldest records are deleted.'),
  MAX_BODY_BYTES: setting(count, '5242880', 'HTTP: size of a request body, and of what it decompresses to (times 4).'),
  MAX_EVENTS: setting(count, '10000', 'HTTP: events in one request.'),
  ACCESS_RATE: setting(
    rate.optional(),
    undefined,
    'HTTP: events_per_second or events_per_second:burst for all requests together that name no source; each replica counts for itself. Default: no limit.',
  ),
  EVENT_MAX_AGE_MS: setting(
    count,
    '0',
    'Metrics, events and logs that are older when they come in are dropped and counted; 0: none, for what falls behind is to be read all the same.',
  ),
  DEGRADE_MAX_MS: setting(positive, '86400000', 'Longest time for which a degrade switch can be set.'),
  DEFAULT_BUSINESS: setting(text, '2', 'Business (bk_biz_id) of remote write samples and Alertmanager alerts whose sender names none.'),
  MAX_EVENT_BYTES: setting(count, '262144', 'Size of one event in the log.'),
  MAX_RECORD_BYTES: setting(count, '1048576', 'Size of a record of the log that a stage accepts; larger ones go to the dead letters.'),
  BATCH_RECORDS: setting(count, '500', 'Records per batch that a stage handles in one transaction.'),
  STAGE_BATCH_RECORDS: setting(
    topicCounts.refine((all) => [...all.values()].every((each) => each >= 1), 'must be at least 1'),
    '',
    'Exceptions from BATCH_RECORDS and DETECT_BATCH_RECORDS by consumer group: alert=200,notice=50.',
  ),
  COMMIT_POLICY: setting(
    text.regex(commitPolicySyntax, 'must be batch, records:N or ms:N, and group=… for exceptions').transform(parseCommitPolicies),
    'batch',
    'Kafka: when the broker is told how far a group is, for lag tools: batch, records:N or ms:N, with exceptions by group: batch,detect=ms:1000.',
  ),
  DETECT_BATCH_RECORDS: setting(count, '5000', 'Records per batch for Detect, whose batches rarely touch the database.'),
  DETECT_COMMIT_MS: setting(count, '1000', 'Detect: a batch without output may wait so long for its commit.'),
  DETECT_CHECKPOINT_MS: setting(count, '10000', 'Detect: time between checkpoints of a partition.'),
  POISON_WINDOW: setting(positive, '1000', 'A partition stops when too many of its last so many records are poison.'),
  POISON_PERCENT: setting(
    count.refine((value) => value >= 1 && value <= 100, 'must be a percentage (1-100)'),
    '50',
    'Share of POISON_WINDOW records, in percent, above which a partition stops; 100: never by its share.',
  ),
  POISON_RUN: setting(positive, '500', 'A partition stops when so many of its records in a row are poison.'),
  DLQ_MAX_REDRIVES: setting(count, '3', 'A dead letter that came back so often is not driven again.'),
  DLQ_REDRIVE_PER_SECOND: setting(positive, '500', 'Dead letters that go back to their topics per second, at most.'),
  TICK_MS: setting(count, '1000', 'Detect: time between clock records in a partition that waits for time.'),
  RULES_PATH: setting(text.optional(), undefined, 'File or folder of YAML strategies and receivers applied at start.'),
  GROUP_WAIT_MS: setting(count, '10000', 'Converge: a new group waits so long before its first notice.'),
  GROUP_INTERVAL_MS: setting(count, '60000', 'Converge: least time between two notices of a group that changed.'),
  REPEAT_INTERVAL_MS: setting(count, '14400000', 'Converge: a group that still fires is told again after so long.'),
  STORM_THRESHOLD: setting(count, '50', 'Converge: new alerts of one strategy within STORM_WINDOW_MS that make a storm; 0 switches it off.'),
  STORM_WINDOW_MS: setting(count, '60000', 'Converge: window in which new alerts of one strategy are counted.'),
  NOTICE_TIMEOUT_MS: setting(count, '10000', 'Notice: time limit of one delivery.'),
  NOTICE_CONCURRENCY: setting(
    count.refine((value) => value >= 1, 'must be at least 1'),
    '1',
    'Notice: deliveries under way to one receiver at once. A kill repeats at most so many to it, under their keys; raise it for a slow receiver.',
  ),
  NOTICE_RETRY_MS: setting(count, '1000', 'Notice: first wait between tries; doubles with jitter.'),
  NOTICE_RETRY_MAX_MS: setting(count, '300000', 'Notice: longest wait between tries.'),
  NOTICE_GIVE_UP_MS: setting(count, '21600000', 'Notice: after so long a notice goes to the dead letters.'),
  MESSAGE_QUEUE_DSN: setting(
    text.optional(),
    undefined,
    'Fault self-healing: queues that get every alert: kafka://host:port/topic, redis://[:password]@host:port/db/key, an object in the words of Kafka clients, a list, or a map from business to these (0: every business), as JSON.',
  ),
  MESSAGE_QUEUE_TIMEOUT_MS: setting(count, '3000', 'Fault self-healing: time limit of one delivery, unless the queue says otherwise.'),
  MESSAGE_QUEUE_GIVE_UP_MS: setting(count, '600000', 'Fault self-healing: a push older than this is not delivered any more: healing late may hurt.'),
  MESSAGE_QUEUE_FORMAT: setting(
    z.enum(['full', 'compatible']),
    'full',
    'Fault self-healing: the whole alert, or the smaller format of older systems.',
  ),
  MESSAGE_QUEUE_LENGTH: setting(count, '10000', 'Fault self-healing: entries that a Redis list keeps.'),
  LAG_THRESHOLD: setting(count, '100000', 'Lag at which a consumer counts as congested (readiness says degraded).'),
  LAG_TOPIC_THRESHOLDS: setting(topicCounts, '', 'Exceptions from LAG_THRESHOLD: topic=records,topic=records.'),
  LAG_FOR_MS: setting(count, '60000', 'A lag over the threshold for so long is a congestion: an alarm in business 0.'),
  LAG_CLEAR_SHARE: setting(share, '0.5', 'A congestion is over when the lag falls to this share of the threshold.'),
  LAG_SAMPLE_MS: setting(
    count.refine((value) => value >= 100, 'must be at least 100'),
    '5000',
    'Time between two looks at where every group is, for lag, rates and congestion.',
  ),
  SELF_ALARM_RENEW_MS: setting(
    count.refine((value) => value >= 100, 'must be at least 100'),
    '30000',
    'Alarms of Tocsin about itself (business 0) are renewed so often; one that nobody renews ends after four times as long.',
  ),
  LEASE_MS: setting(count, '10000', 'Time after which a dead replica’s single-owner duties (timers, notices) move on.'),
  SHUTDOWN_MS: setting(count, '3000', 'A graceful stop takes at most so long.'),
  LOG_LEVEL: setting(z.enum(['debug', 'info', 'warn', 'error']), 'info', 'Least level that is logged.'),
  LOG_FORMAT: setting(z.enum(['json', 'text']).optional(), undefined, 'Form of the log lines. Default: text embedded, json distributed.'),
  DOCS: setting(flag, 'true', 'Serve OpenAPI at /docs.'),
} satisfies Record<string, Setting<unknown>>;

/** What the texts of the settings become. */
export type Settings = { readonly [K in keyof typeof settings]: (typeof settings)[K] extends Setting<infer T> ? T : never };
