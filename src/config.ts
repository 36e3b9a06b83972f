import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { TocsinError } from './shared/errors.js';

/** One setting: how its text becomes a value, what it is when absent, and what it means (docs/settings.md is made from this). */
interface Setting<T> {
  readonly schema: z.ZodType<T>;
  readonly default: string | undefined;
  readonly means: string;
}

const text = z.string();
const count = z.string().regex(/^\d+$/, 'must be a whole number').transform(Number);
const port = count.refine((value) => value <= 65_535, 'must be a port (0-65535)');
const flag = z.enum(['true', 'false']).transform((value) => value === 'true');
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean),
);

function setting<T>(schema: z.ZodType<T>, byDefault: string | undefined, means: string): Setting<T> {
  return { schema, default: byDefault, means };
}

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
  INSTANCE_ID: setting(
    text,
    `${hostname()}-${process.pid}`,
    'Name of this replica; must differ between replicas. Default: host name and process id.',
  ),
  TOPIC_PREFIX: setting(text, '', 'Put before every topic name, so that several installations can share a cluster.'),
  GROUP_PREFIX: setting(text, 'tocsin', 'Put before every consumer group name: <prefix>.detect and so on.'),
  TOPIC_PARTITIONS: setting(count.optional(), undefined, 'Partitions of a topic when it is created. Default: 4 embedded, 12 on Kafka.'),
  TOPIC_REPLICATION: setting(count, '1', 'Kafka: replication factor of a topic when it is created; 3 in production.'),
  PARTITION_KEY: setting(z.enum(['bk_biz_id', 'event_source']), 'bk_biz_id', 'What keeps raw events in order: the business or the event source.'),
  KAFKA_SESSION_TIMEOUT_MS: setting(count, '30000', 'Kafka: a replica that is silent for so long loses its partitions.'),
  KAFKA_HEARTBEAT_MS: setting(count, '3000', 'Kafka: time between heartbeats.'),
  KAFKA_MAX_WAIT_MS: setting(count, '250', 'Kafka: how long a fetch waits for data.'),
  KAFKA_PARTITION_BYTES: setting(count, '1048576', 'Kafka: bytes per partition and fetch.'),
  KAFKA_COMPRESSION: setting(z.enum(['none', 'gzip', 'snappy', 'lz4']), 'snappy', 'Kafka: compression of what Tocsin produces.'),
  KAFKA_PRODUCERS: setting(count, '2', 'Kafka: producers that own disjoint partitions, one send in flight each.'),
  LINGER_MS: setting(count, '5', 'How long a publish waits for company.'),
  PENDING_EVENTS: setting(count, '100000', 'Events that may wait for the log before senders get 429.'),
  RETENTION_HOURS: setting(count, '72', 'Embedded log: age after which records are deleted.'),
  RETENTION_BYTES: setting(count, '4294967296', 'Embedded log: bytes per topic after which the oldest records are deleted.'),
  MAX_BODY_BYTES: setting(count, '5242880', 'HTTP: size of a request body, and of what it decompresses to (times 4).'),
  MAX_EVENTS: setting(count, '10000', 'HTTP: events in one request.'),
  DEFAULT_BUSINESS: setting(text, '2', 'Business (bk_biz_id) of remote write samples and Alertmanager alerts whose sender names none.'),
  MAX_EVENT_BYTES: setting(count, '262144', 'Size of one event in the log.'),
  MAX_RECORD_BYTES: setting(count, '1048576', 'Size of a record of the log that a stage accepts; larger ones go to the dead letters.'),
  BATCH_RECORDS: setting(count, '500', 'Records per batch that a stage handles in one transaction.'),
  DETECT_BATCH_RECORDS: setting(count, '5000', 'Records per batch for Detect, whose batches rarely touch the database.'),
  DETECT_COMMIT_MS: setting(count, '1000', 'Detect: a batch without output may wait so long for its commit.'),
  DETECT_CHECKPOINT_MS: setting(count, '10000', 'Detect: time between checkpoints of a partition.'),
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
  LAG_THRESHOLD: setting(count, '100000', 'Lag at which a consumer counts as congested (readiness says degraded).'),
  LEASE_MS: setting(count, '10000', 'Time after which a dead replica’s single-owner duties (timers, notices) move on.'),
  SHUTDOWN_MS: setting(count, '3000', 'A graceful stop takes at most so long.'),
  LOG_LEVEL: setting(z.enum(['debug', 'info', 'warn', 'error']), 'info', 'Least level that is logged.'),
  LOG_FORMAT: setting(z.enum(['json', 'text']).optional(), undefined, 'Form of the log lines. Default: text embedded, json distributed.'),
  DOCS: setting(flag, 'true', 'Serve OpenAPI at /docs.'),
} satisfies Record<string, Setting<unknown>>;

type Settings = { readonly [K in keyof typeof settings]: (typeof settings)[K] extends Setting<infer T> ? T : never };

/** The typed settings of this process. */
export interface Config extends Settings {
  readonly mode: 'embedded' | 'distributed';
}

/** Injection token of {@link Config}. */
export const CONFIG = Symbol('config');

/**
 * Parses settings. `env` wins over `file`; an empty value counts as absent.
 * Throws {@link TocsinError} T5001 that lists every wrong setting, T5002 when only one of KAFKA_BROKERS and DATABASE_URL is set.
 */
export function parseConfig(env: Readonly<Record<string, string | undefined>>, file: Readonly<Record<string, unknown>> = {}): Config {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const name of Object.keys(file)) {
    if (!(name in settings)) problems.push(`${name} (in the settings file) is not a setting`);
  }
  for (const [name, { schema, default: byDefault }] of Object.entries(settings) as [string, Setting<unknown>][]) {
    const given = env[name] || textOf(file[name]);
    const parsed = schema.safeParse(given ?? byDefault);
    if (parsed.success) values[name] = parsed.data;
    else problems.push(`${name}=${given}: ${parsed.error.issues[0]?.message}`);
  }
  if (problems.length > 0) throw new TocsinError('T5001', problems.join('; '));
  return { ...(values as unknown as Settings), mode: mode(values as unknown as Settings) };
}

/** A scalar of the settings file as the text it would be in the environment; lists are joined with commas. */
function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return Array.isArray(value) ? value.join(',') : typeof value === 'object' ? JSON.stringify(value) : String(value as string | number | boolean);
}

function mode({ KAFKA_BROKERS, DATABASE_URL }: Settings): Config['mode'] {
  if (KAFKA_BROKERS?.length && DATABASE_URL) return 'distributed';
  if (!KAFKA_BROKERS?.length && !DATABASE_URL) return 'embedded';
  const [set, missing] = DATABASE_URL ? ['DATABASE_URL', 'KAFKA_BROKERS'] : ['KAFKA_BROKERS', 'DATABASE_URL'];
  throw new TocsinError('T5002', `${set} is set but ${missing} is not; set both for the distributed mode, or neither for the embedded one`);
}

/** The settings of this process: environment, then the YAML file that TOCSIN_CONFIG names, then defaults. The only reader of both. */
export function loadConfig(overrides: Readonly<Record<string, string | undefined>> = {}): Config {
  const env = { ...process.env, ...overrides };
  return parseConfig(env, env['TOCSIN_CONFIG'] ? readSettingsFile(env['TOCSIN_CONFIG']) : {});
}

function readSettingsFile(path: string): Record<string, unknown> {
  const parsed: unknown = parseYaml(readFileSync(path, 'utf8'));
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new TocsinError('T5001', `${path} must be a YAML mapping of settings`);
  }
  return parsed as Record<string, unknown>;
}
