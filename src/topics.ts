import { z } from 'zod';
import { PoisonError } from './shared/errors.js';

/**
 * The whole contract between the stages: each topic's name, key and message schema.
 * Unknown fields pass through; a record that does not fit goes to `<topic>.dlq` with its original bytes, for every reader alike: the schemas
 * hold all limits of the columns in which readers store a field.
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
/** Ids that every database stores and compares exactly, whatever its collation: printable ASCII without capitals and blanks. */
const key = z
  .string()
  .min(1)
  .regex(/^[\x21-\x40\x5b-\x7e]{0,64}$/, 'must be 1 to 64 printable ASCII characters without capital letters');
/** Business id of an alert, which its row stores as it is. */
const businessId = z.string().max(128);
/** Business id of an event: always text inside Tocsin; a number equals its text. */
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

/** What an alert is about: the same in its events, in its row and as a member of a converged message. */
const alertSubject = {
  /** Deterministic: alert_key and first anomaly. */
  alert_id: key,
  /** Stable identity of (business, strategy, target, dimensions). */
  alert_key: key,
  /** 0 for alerts of external senders. */
  strategy_id: z.number().int().nonnegative(),
  strategy_name: z.string(),
  alert_name: z.string(),
  severity,
  labels: z.record(z.string(), z.string()),
  annotations: z.record(z.string(), z.string()).default({}),
  description: z.string(),
  value: z.number().nullable(),
  /** First anomaly (ms). */
  begin_time: time,
};
/** Where an alert comes from: the same in its events and in its row. */
const alertOrigin = {
  bk_biz_id: businessId,
  strategy_version: z.number().int().nonnegative(),
  target_type: z.string(),
  target: z.string(),
  dimensions: z.record(z.string(), z.string()),
  metric: z.string(),
};

/**
 * Distance from the latest transition of an alert to the one that closes it by hand. Detect numbers its events 1, 2, 3 …; the distance keeps
 * the number of the close apart from those of events that Detect has published and Alert has not applied yet.
 */
export const MANUAL_CLOSE_DISTANCE = 1_000_000;

export const alertEvent = z.looseObject({
  /** Deterministic: alert_id and transition number, so that a second publication is recognised. */
  event_id: z.string().min(1),
  ...alertSubject,
  ...alertOrigin,
  transition: z
    .number()
    .int()
    .positive()
    .describe(`1 for the first event of the alert, then +1; a close by hand: the latest number + ${MANUAL_CLOSE_DISTANCE}`),
  /** What happened, and why the message exists. */
  kind: z.enum(['fired', 'severity_changed', 'still_abnormal', 'recovered', 'closed']),
  reason: z.string(),
  status: alertStatus,
  /** Times (ms) of the anomalous points in the trigger window. */
  anomaly_timestamps: z.array(time),
  /** Data time of this message (ms). */
  time,
  generator_url: z.string().optional(),
  source: z.object({ topic: z.string(), partition: z.number().int(), offset: z.number().int() }),
  /** Epoch of the partition owner who wrote the message. */
  epoch: z.number().int(),
});

export const alertStatusChange = z.looseObject({
  event_id: key,
  alert_id: key,
  alert_key: key,
  bk_biz_id: businessId,
  strategy_id: z.number().int(),
  what: z.enum(['created', 'severity_changed', 'recovered', 'closed', 'acknowledged', 'unacknowledged', 'commented']),
  from: z.string().nullable(),
  to: z.string(),
  by: z.string(),
  why: z.string(),
  time,
});

/** One alert inside a converged message, with the fields that notices show. */
export const memberAlert = z.looseObject({
  ...alertSubject,
  status: alertStatus,
  end_time: time.nullable(),
  generator_url: z.string().optional(),
});

export const convergedAlert = z.looseObject({
  /** Identity of the group's life: stable from its first notice to its last. */
  converge_id: key,
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
  bk_biz_id: businessId,
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
  members: z.array(memberAlert),
  /** Names of the receivers to notify; empty = the default receivers. */
  receivers: z.array(z.string().max(128)),
  time,
});

export type MetricEvent = z.infer<typeof metricEvent>;
export type ExternalAlert = z.infer<typeof externalAlert>;
export type RawEvent = z.infer<typeof rawEvent>;
export type RawRecord = z.infer<typeof rawRecord>;
export type AlertEvent = z.infer<typeof alertEvent>;
export type AlertStatusChange = z.infer<typeof alertStatusChange>;
export type ConvergedAlert = z.infer<typeof convergedAlert>;
export type MemberAlert = z.infer<typeof memberAlert>;
type AlertSubject = z.infer<z.ZodObject<typeof alertSubject>>;
export type AlertDescription = z.infer<z.ZodObject<typeof alertSubject & typeof alertOrigin>>;
export type Severity = z.infer<typeof severity>;

/** Copies the subject of an alert from its event, its row or a member. */
export function alertSubjectOf(alert: Readonly<AlertSubject>): AlertSubject {
  return {
    alert_id: alert.alert_id,
    alert_key: alert.alert_key,
    strategy_id: alert.strategy_id,
    strategy_name: alert.strategy_name,
    alert_name: alert.alert_name,
    severity: alert.severity,
    labels: alert.labels,
    annotations: alert.annotations,
    description: alert.description,
    value: alert.value,
    begin_time: alert.begin_time,
  };
}

/** Copies what the events of an alert have in common with its row. */
export function alertDescriptionOf(alert: Readonly<AlertDescription>): AlertDescription {
  return {
    ...alertSubjectOf(alert),
    bk_biz_id: alert.bk_biz_id,
    strategy_version: alert.strategy_version,
    target_type: alert.target_type,
    target: alert.target,
    dimensions: alert.dimensions,
    metric: alert.metric,
  };
}

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
