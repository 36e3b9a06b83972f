import { z } from 'zod';
import { PoisonError } from './shared/errors.js';

/**
 * The whole contract between the stages: each topic's name, key and message schema.
 * Unknown fields pass through; a record that does not fit goes to `<topic>.dlq` with its original bytes.
 */
export interface Topic<T> {
  readonly name: string;
  /** What the key of a record is, in words; the key decides the partition and therefore the order. */
  readonly keyedBy: string;
  readonly schema: z.ZodType<T>;
  /** The key of a message, by which everything about one thing stays in order. */
  key(message: T): string;
  /** Parses what `JSON.parse` returned. Throws {@link PoisonError} T6003 with the path of the first violation. */
  parse(value: unknown): T;
}

const scalar = z.union([z.string(), z.number().transform(String), z.boolean().transform(String)]);
const dimensions = z.record(z.string(), scalar);
/** Business id: always text inside Tocsin; a number equals its text. */
const business = z.union([z.string().min(1), z.number().int().transform(String)]);
/** Epoch milliseconds. */
const time = z.number().int().nonnegative();
/** 1 fatal, 2 warning, 3 remind. */
export const severity = z.union([z.literal(1), z.literal(2), z.literal(3)]);

const envelopeFields = {
  event_id: z.string().min(1),
  bk_biz_id: business,
  event_source: z.string(),
  timestamp: time,
};

export const metricEvent = z.looseObject({
  ...envelopeFields,
  event_type: z.literal('metric'),
  raw_data: z.looseObject({ metric: z.string().min(1), value: z.number(), dimensions: dimensions.default({}) }),
});
export const customEvent = z.looseObject({
  ...envelopeFields,
  event_type: z.literal('event'),
  raw_data: z.looseObject({
    event_name: z.string().min(1),
    content: z.string().optional(),
    level: scalar.optional(),
    dimensions: dimensions.default({}),
  }),
});
export const logEvent = z.looseObject({
  ...envelopeFields,
  event_type: z.literal('log'),
  raw_data: z.looseObject({ content: z.string(), level: scalar.optional(), dimensions: dimensions.default({}) }),
});
/** An alert of an external sender: a lease that holds until `endsAt` (ms) and is renewed by sending it again. */
export const externalAlert = z.looseObject({
  ...envelopeFields,
  event_type: z.literal('alert'),
  raw_data: z.looseObject({
    labels: dimensions,
    annotations: dimensions.default({}),
    startsAt: time,
    /** End of the lease; at or before the event's own `timestamp` it says that the alert is resolved. */
    endsAt: time,
    /** True when the sender gave no end and `endsAt` is our estimate. */
    timeout: z.boolean().optional(),
    generatorURL: z.string().optional(),
  }),
});
/**
 * The clock of a partition, written into the log by the owner of the partition, so that what depends on time or on the rule set
 * happens at an offset and is the same in every replay (ADR 0005).
 */
export const tick = z.looseObject({
  ...envelopeFields,
  event_type: z.literal('tick'),
  raw_data: z.looseObject({ rules_version: z.number().int().nonnegative() }),
});

export const rawEvent = z.discriminatedUnion('event_type', [metricEvent, customEvent, logEvent, externalAlert, tick]);
/** A raw_events record: one event, or an envelope of events that share the partition. */
export const rawRecord = z.union([z.looseObject({ v: z.literal(1), events: z.array(rawEvent).min(1) }), rawEvent]);

export const alertStatus = z.enum(['ABNORMAL', 'RECOVERED', 'CLOSED']);

export const alertEvent = z.looseObject({
  /** Deterministic: alert_id and transition number, so that a second publication is recognised. */
  event_id: z.string().min(1),
  /** Deterministic: alert_key and first anomaly. */
  alert_id: z.string().min(1),
  /** Stable identity of (business, strategy, target, dimensions). */
  alert_key: z.string().min(1),
  /** 1 for the birth of the alert, then +1 for each message about it. */
  transition: z.number().int().positive(),
  /** What happened, and why the message exists. */
  kind: z.enum(['fired', 'severity_changed', 'still_abnormal', 'recovered', 'closed']),
  reason: z.string(),
  bk_biz_id: z.string(),
  /** 0 for alerts of external senders. */
  strategy_id: z.number().int().nonnegative(),
  strategy_version: z.number().int().nonnegative(),
  strategy_name: z.string(),
  alert_name: z.string(),
  status: alertStatus,
  severity,
  target_type: z.string(),
  target: z.string(),
  dimensions: z.record(z.string(), z.string()),
  labels: z.record(z.string(), z.string()),
  annotations: z.record(z.string(), z.string()).default({}),
  metric: z.string(),
  value: z.number().nullable(),
  description: z.string(),
  /** Times (ms) of the anomalous points in the trigger window. */
  anomaly_timestamps: z.array(time),
  /** First anomaly (ms). */
  begin_time: time,
  /** Data time of this message (ms). */
  time,
  generator_url: z.string().optional(),
  source: z.object({ topic: z.string(), partition: z.number().int(), offset: z.number().int() }),
  /** Epoch of the partition owner who wrote the message. */
  epoch: z.number().int(),
});

export const alertStatusChange = z.looseObject({
  event_id: z.string().min(1),
  alert_id: z.string().min(1),
  alert_key: z.string().min(1),
  bk_biz_id: z.string(),
  strategy_id: z.number().int(),
  what: z.enum(['created', 'severity_changed', 'recovered', 'closed', 'acknowledged', 'unacknowledged', 'commented']),
  from: z.string().nullable(),
  to: z.string(),
  by: z.string(),
  why: z.string(),
  time,
});

/** One alert inside a converged message, with what a receiver needs to know of it. */
export const member = z.looseObject({
  alert_id: z.string(),
  alert_key: z.string(),
  status: alertStatus,
  severity,
  alert_name: z.string(),
  strategy_id: z.number().int(),
  strategy_name: z.string(),
  labels: z.record(z.string(), z.string()),
  annotations: z.record(z.string(), z.string()),
  description: z.string(),
  value: z.number().nullable(),
  begin_time: time,
  end_time: time.nullable(),
  generator_url: z.string().optional(),
});

export const convergedAlert = z.looseObject({
  /** Identity of the group's life: stable from its first notice to its last. */
  converge_id: z.string().min(1),
  /** 1, 2, 3 … of this converge_id; (converge_id, sequence) identifies the message. */
  sequence: z.number().int().positive(),
  kind: z.enum(['group', 'storm', 'root_cause', 'composite', 'single']),
  /** Why this message is sent now. */
  reason: z.enum([
    'first notification',
    'new alerts added',
    'severity raised',
    'all alerts resolved',
    'some alerts resolved',
    'repeat interval elapsed',
    'storm opened',
    'storm updated',
  ]),
  status: z.enum(['firing', 'resolved']),
  bk_biz_id: z.string(),
  strategy_id: z.number().int(),
  severity,
  /** The dimensions by which the members were grouped. */
  dimensions: z.record(z.string(), z.string()),
  group_key: z.string(),
  window: z.object({ from: time, to: time }),
  counts: z.object({
    firing: z.number().int(),
    resolved: z.number().int(),
    /** Members of the group in all; `members` may hold fewer in a digest. */
    total: z.number().int(),
  }),
  /** Alert id of the cause, when there is one. */
  cause: z.string().nullable(),
  members: z.array(member),
  /** Names of the receivers to tell; empty = the default receivers. */
  receivers: z.array(z.string()),
  time,
});

export type MetricEvent = z.infer<typeof metricEvent>;
export type ExternalAlert = z.infer<typeof externalAlert>;
export type RawEvent = z.infer<typeof rawEvent>;
export type RawRecord = z.infer<typeof rawRecord>;
export type AlertEvent = z.infer<typeof alertEvent>;
export type AlertStatusChange = z.infer<typeof alertStatusChange>;
export type ConvergedAlert = z.infer<typeof convergedAlert>;
export type Member = z.infer<typeof member>;
export type Severity = z.infer<typeof severity>;

function topic<T>(
  name: string,
  keyedBy: string,
  schema: z.ZodType<T>,
  key: (message: T) => string,
  fits: (value: unknown) => value is T = (_value): _value is T => false,
): Topic<T> {
  return {
    name,
    keyedBy,
    schema,
    key,
    parse(value) {
      if (fits(value)) return value;
      const result = schema.safeParse(value);
      if (result.success) return result.data;
      const issue = result.error.issues[0];
      throw new PoisonError('T6003', `${issue?.path.join('.') || 'value'}: ${issue?.message ?? 'does not match the schema'}`);
    },
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/**
 * True for metric events, and envelopes of them, that are valid as they are: the hot path of Detect need not copy them through the schema.
 * Never true for what the schema refuses or would change; a property test holds it to that.
 */
function isPlainMetrics(value: unknown): value is RawRecord {
  if (!isRecord(value)) return false;
  if (value['event_type'] !== undefined || !Array.isArray(value['events'])) return isPlainMetric(value);
  const events = value['events'] as unknown[];
  return value['v'] === 1 && events.length > 0 && events.every(isPlainMetric);
}

function isPlainMetric(event: unknown): boolean {
  if (!isRecord(event) || event['event_type'] !== 'metric') return false;
  const { event_id: id, bk_biz_id: business, event_source: source, timestamp, raw_data: data } = event;
  if (typeof id !== 'string' || id === '' || typeof business !== 'string' || business === '' || typeof source !== 'string') return false;
  if (!Number.isSafeInteger(timestamp) || (timestamp as number) < 0 || !isRecord(data) || Array.isArray(data)) return false;
  const { metric, value, dimensions } = data;
  if (typeof metric !== 'string' || metric === '' || !Number.isFinite(value) || !isRecord(dimensions) || Array.isArray(dimensions)) return false;
  for (const name in dimensions) if (typeof dimensions[name] !== 'string') return false;
  return true;
}

export const topics = {
  rawEvents: topic<RawRecord>(
    'raw_events',
    'bk_biz_id (default) or event_source',
    rawRecord,
    (record) => ('events' in record ? (record.events as RawEvent[])[0]!.bk_biz_id : (record as RawEvent).bk_biz_id),
    isPlainMetrics,
  ),
  alerts: topic<AlertEvent>('alerts', 'alert_key', alertEvent, (event) => event.alert_key),
  alertStatus: topic<AlertStatusChange>('alert_status', 'alert_key', alertStatusChange, (change) => change.alert_key),
  convergedAlerts: topic<ConvergedAlert>('converged_alerts', 'converge_id', convergedAlert, (group) => group.converge_id),
} as const;

/** Name of the dead-letter topic of a topic. */
export const deadLetterTopic = (name: string): string => `${name}.dlq`;
