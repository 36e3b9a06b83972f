import { z } from 'zod';
import type { ClusterAccess } from '../log/cluster.js';
import { identity } from '../shared/identity.js';

/** A queue of a fault self-healing system. Times are ms. */
export type Queue = KafkaQueue | RedisQueue;

export interface KafkaQueue {
  readonly kind: 'kafka';
  /** Identity of the address, the same in every process; no secret can be read from it. */
  readonly key: string;
  /** Displayed address, without credentials. */
  readonly name: string;
  readonly access: ClusterAccess;
  readonly topic: string;
  /** Timeout in the queue's own settings; undefined: the default of the installation. */
  readonly timeoutMs: number | undefined;
}

export interface RedisQueue {
  readonly kind: 'redis';
  readonly key: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly database: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: boolean;
  readonly list: string;
  readonly timeoutMs: undefined;
}

/** Queues by business; the queues of business 0 receive the alerts of every business. */
export type Queues = ReadonlyMap<string, readonly Queue[]>;

/** Business whose queues receive the alerts of every business. */
const EVERY_BUSINESS = '0';

const mechanisms = { PLAIN: 'plain', 'SCRAM-SHA-256': 'scram-sha-256', 'SCRAM-SHA-512': 'scram-sha-512' } as const;
const protocols = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] as const;
const milliseconds = z.union([z.string(), z.number()]).optional();

/** A queue as properties of Kafka clients. */
const kafkaProperties = z.strictObject({
  'bootstrap.servers': z.string().min(1),
  topic: z.string().min(1),
  'security.protocol': z.enum(protocols).default('PLAINTEXT'),
  'sasl.mechanism': z.enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']).default('PLAIN'),
  'sasl.username': z.string().optional(),
  'sasl.password': z.string().optional(),
  'ssl.ca.pem': z.string().optional(),
  'message.timeout.ms': milliseconds,
  'delivery.timeout.ms': milliseconds,
});

/**
 * Parses the queues of the setting: an address, an object, a list of them, or a map from business to any of these.
 * Throws an Error that describes the mistake without secrets.
 */
export function parseQueues(text: string): Queues {
  const value = readSetting(text);
  if (typeof value === 'string' || Array.isArray(value) || (isObject(value) && 'bootstrap.servers' in value)) {
    return new Map([[EVERY_BUSINESS, parseList(value)]]);
  }
  if (!isObject(value)) throw new Error('must be a URL, an object, or a map from business to these');
  return new Map(Object.entries(value).map(([business, each]) => [business, parseList(each)]));
}

/** Queues of a business: its own and those of every business, each once. */
export function queuesOf(queues: Queues, business: string): Queue[] {
  const all = [...(queues.get(EVERY_BUSINESS) ?? []), ...(queues.get(business) ?? [])];
  return [...new Map(all.map((queue) => [queue.key, queue])).values()];
}

/** Every queue by its key. */
export const queuesByKey = (queues: Queues): Map<string, Queue> =>
  new Map([...queues.values()].flatMap((list) => list.map((queue) => [queue.key, queue] as const)));

function readSetting(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text.trim();
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Error('is not valid JSON');
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function parseList(value: unknown): Queue[] {
  return (Array.isArray(value) ? value : [value]).map(parseQueue);
}

function parseQueue(value: unknown): Queue {
  if (isObject(value)) return fromProperties(value);
  if (typeof value !== 'string') throw new Error('queue must be a URL or an object');
  if (value.startsWith('kafka://')) return fromKafkaAddress(value);
  if (/^rediss?:\/\//.test(value)) return fromRedisAddress(value);
  throw new Error('URL must start with kafka://, redis:// or rediss://');
}

function fromKafkaAddress(address: string): KafkaQueue {
  const [, servers, topic] = /^kafka:\/\/([^/@]+)\/([^/]+)$/.exec(address) ?? [];
  if (!servers || !topic) throw new Error('Kafka URL must have the form kafka://host:port,host:port/topic; use an object for SASL');
  return kafkaQueue(brokersOf(servers), topic, {}, undefined);
}

function fromProperties(value: Record<string, unknown>): KafkaQueue {
  const { data, error } = kafkaProperties.safeParse(value);
  if (!data) throw new Error(error.issues.map(({ path, message }) => `${path.join('.') || 'queue'}: ${message}`).join('; '));
  const protocol = data['security.protocol'];
  const login = { username: data['sasl.username'], password: data['sasl.password'] };
  if (protocol.startsWith('SASL') && !(login.username && login.password)) throw new Error(`${protocol} requires sasl.username and sasl.password`);
  const ca = data['ssl.ca.pem'];
  const access = {
    ...(protocol.endsWith('SSL') && { tls: ca ? { ca } : {} }),
    ...(protocol.startsWith('SASL') && {
      sasl: { mechanism: mechanisms[data['sasl.mechanism']], username: login.username!, password: login.password! },
    }),
  };
  return kafkaQueue(brokersOf(data['bootstrap.servers']), data.topic, access, timeout(data['message.timeout.ms'] ?? data['delivery.timeout.ms']));
}

function kafkaQueue(brokers: string[], topic: string, access: Omit<ClusterAccess, 'brokers'>, timeoutMs: number | undefined): KafkaQueue {
  const name = `kafka://${brokers.join(',')}/${topic}`;
  return { kind: 'kafka', key: identity(name, access.sasl?.username), name, access: { brokers, ...access }, topic, timeoutMs };
}

function brokersOf(servers: string): string[] {
  const brokers = servers.split(',').map((each) => each.trim());
  const wrong = brokers.find((broker) => !/^(?:[\w.-]+|\[[\da-fA-F:]+\]):\d{1,5}$/.test(broker));
  if (wrong !== undefined) throw new Error(`${wrong} must have the form host:port`);
  return brokers;
}

function fromRedisAddress(address: string): RedisQueue {
  if (!URL.canParse(address)) throw new Error('Redis URL must have the form redis://[:password]@host:port/database/key');
  const url = new URL(address);
  const [, database, list] = /^\/(\d+)\/(.+)$/.exec(url.pathname) ?? [];
  if (!database || !list || !url.hostname) throw new Error('Redis URL must have the form redis://[:password]@host:port/database/key');
  const port = Number(url.port || 6379);
  const key = decodeURIComponent(list);
  const name = `${url.protocol}//${url.hostname}:${port}/${database}/${key}`;
  return {
    kind: 'redis',
    key: identity(name, url.username),
    name,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port,
    database: Number(database),
    username: decodeURIComponent(url.username) || undefined,
    password: decodeURIComponent(url.password) || undefined,
    tls: url.protocol === 'rediss:',
    list: key,
    timeoutMs: undefined,
  };
}

/** Zero and anything but a number mean the default. */
function timeout(value: string | number | undefined): number | undefined {
  const ms = Number(value);
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}
