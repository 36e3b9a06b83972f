import { z } from 'zod';
import { PoisonError } from './shared/errors.js';

/**
 * The whole contract between the stages: each topic's name, key and message schema.
 * Unknown fields pass through. A record that violates its schema is sent to `<topic>.dlq` with its original bytes. The schemas contain all limits
 * of the columns in which consumers store a field, so that every consumer accepts the same records.
 */
export interface Topic<T> {
  readonly name: string;
  /** Description of the record key; the key determines the partition and therefore the order. */
  readonly keyedBy: string;
  readonly schema: z.ZodType<T>;
  /** Key of a message; messages with the same key stay in order. */
  key(message: T): string;
  /** Parses a result of `JSON.parse`. Throws {@link PoisonError} T6003 with the path of the first violation. */
  parse(value: unknown): T;
}

const scalar = z.union([z.string(), z.number().transform(String), z.boolean().transform(String)]);
const dimensions = z.record(z.string(), scalar);
/** Ids that every database stores and compares exactly, whatever its collation: printable ASCII without capitals and blanks. */
const key = z
  .string()
  .min(1)
  .regex(/^[\x21-\x40\x5b-\x7e]{0,64}$/, 'must be 1 to 64 printable ASCII characters without capital letters');
/** Business id of an alert, stored unchanged in its row. */
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
/** An alert of an external sender: a lease that expires at `endsAt` (ms); sending the alert again renews it. */
export const externalAlert = z.looseObject({
  ...envelopeFields,
  event_type: z.literal('alert'),
  raw_data: z.looseObject({
    labels: dimensions,
    annotations: dimensions.default({}),
    startsAt: time,
    /** End of the lease; the alert is resolved when this is at or before the event's own `timestamp`. */
    endsAt: time,
    /** True when the sender set no end, so that `endsAt` is an estimate. */
    timeout: z.boolean().optional(),
    generatorURL: z.string().optional(),
  }),
});
/**
 * The clock of a partition. The partition owner writes ticks into the log, so that the effects of time and of rule changes occur at an offset
 * and are the same in every replay (ADR 0005).
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

/** Subject of an alert: the same in its events, in its row and as a member of a converged message. */
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
/** Origin of an alert: the same in its events and in its row. */
const alertOrigin = {
  bk_biz_id: businessId,
  strategy_version: z.number().int().nonnegative(),
  target_type: z.string(),
  target: z.string(),
  dimensions: z.record(z.string(), z.string()),
  metric: z.string(),
};

/**
 * Distance from the latest transition number of an alert to that of a manual close. Detect numbers its events 1, 2, 3 …; the distance prevents
 * a collision with events that Detect has published but Alert has not applied yet.
 */
export const MANUAL_CLOSE_DISTANCE = 1_000_000;

export const alertEvent = z.looseObject({
  /** Deterministic: alert_id and transition number, so that a duplicate publication is recognised. */
  event_id: z.string().min(1),
  ...alertSubject,
  ...alertOrigin,
  transition: z
    .number()
    .int()
    .positive()
    .describe(`1 for the first event of the alert, then +1; a close by hand: the latest number + ${MANUAL_CLOSE_DISTANCE}`),
  /** Kind of the event; `reason` explains why it was published. */
  kind: z.enum(['fired', 'severity_changed', 'still_abnormal', 'recovered', 'closed']),
  reason: z.string(),
  status: alertStatus,
  /** Times (ms) of the anomalous points in the trigger window. */
  anomaly_timestamps: z.array(time),
  /** Data time of this message (ms). */
  time,
  generator_url: z.string().optional(),
  source: z.object({ topic: z.string(), partition: z.number().int(), offset: z.number().int() }),
  /** Epoch of the partition owner that published the message. */
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
  /** Identity of one lifetime of the group: the same from its first notice to its last. */
  converge_id: key,
  /** Counts the messages of this converge_id from 1; (converge_id, sequence) identifies the message. */
  sequence: z.number().int().positive(),
  kind: z.enum(['group', 'storm', 'root_cause', 'composite', 'single']),
  /** Reason for sending this message now. */
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
    /** Number of all members of the group; `members` of a digest may contain fewer. */
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

/** Copies the fields that the events of an alert have in common with its row. */
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
 * True for metric events, and envelopes of them, that are valid unchanged: the hot path of Detect does not copy them through the schema.
 * Never true for a value that the schema would reject or change; a property test checks this.
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
