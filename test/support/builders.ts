import type { z } from 'zod';
import { type Strategy, type StrategyInput, strategySchema } from '../../src/detect/strategy.js';
import {
  type AlertEvent,
  alertEvent,
  type ExternalAlert,
  externalAlert,
  type MetricEvent,
  metricEvent,
  type RawEvent,
  rawEvent,
  tick,
} from '../../src/topics.js';

type Tick = z.infer<typeof tick>;
type CustomEvent = Extract<RawEvent, { event_type: 'event' }>;
type LogEvent = Extract<RawEvent, { event_type: 'log' }>;

/** Any field of an event; `raw_data` is merged with the default's. */
type Overrides<T extends { raw_data: object }> = Partial<Omit<T, 'raw_data'>> & { raw_data?: Partial<T['raw_data']> };

/** A moment on a whole hour, so that windows of every usual interval start here. */
export const NOON = Date.UTC(2026, 0, 15, 12);

const envelope = { bk_biz_id: '2', event_source: 'test', timestamp: NOON };

let events = 0;
/** No two events are the same unless a test says so. */
const anId = () => ({ event_id: `event-${++events}` });

/** One value of the metric `cpu` of host `web-1`. */
export function aMetric({ raw_data, ...rest }: Overrides<MetricEvent> = {}): MetricEvent {
  const fields = { metric: 'cpu', value: 1, dimensions: { host: 'web-1' }, ...raw_data };
  return metricEvent.parse({ ...envelope, ...anId(), event_type: 'metric', ...rest, raw_data: fields });
}

/** The custom event `reboot` of host `web-1`. */
export function anEvent({ raw_data, ...rest }: Overrides<CustomEvent> = {}): CustomEvent {
  const fields = { event_name: 'reboot', content: 'host rebooted', dimensions: { host: 'web-1' }, ...raw_data };
  return rawEvent.parse({ ...envelope, ...anId(), event_type: 'event', ...rest, raw_data: fields }) as CustomEvent;
}

/** A log line of host `web-1` from the source `test`. */
export function aLogLine({ raw_data, ...rest }: Overrides<LogEvent> = {}): LogEvent {
  const fields = { content: 'connection refused', dimensions: { host: 'web-1' }, ...raw_data };
  return rawEvent.parse({ ...envelope, ...anId(), event_type: 'log', ...rest, raw_data: fields }) as LogEvent;
}

/** The clock of a partition; names rule set 1. */
export function aTick({ raw_data, ...rest }: Overrides<Tick> = {}): Tick {
  return tick.parse({ ...envelope, ...anId(), event_source: 'tocsin', event_type: 'tick', ...rest, raw_data: { rules_version: 1, ...raw_data } });
}

/** An alert of an external sender that fires since a minute before its `timestamp` and holds for five minutes after it. */
export function anExternalAlert({ raw_data, ...rest }: Overrides<ExternalAlert> = {}): ExternalAlert {
  const { timestamp } = { ...envelope, ...rest };
  const fields = {
    labels: { alertname: 'DiskFull', instance: 'web-1', severity: 'warning' },
    annotations: {},
    startsAt: timestamp - 60_000,
    endsAt: timestamp + 300_000,
    ...raw_data,
  };
  return externalAlert.parse({ ...envelope, ...anId(), event_type: 'alert', ...rest, raw_data: fields });
}

type Item = StrategyInput['items'][number];
type StrategyOverrides = Partial<StrategyInput> & { id?: number; version?: number; query?: Partial<Item['queries'][number]>; item?: Partial<Item> };

/**
 * Strategy 1, version 1: the average of `cpu` per minute and host above 80 is a warning at once and over after 5 good minutes.
 * `query` and `item` override single fields of the only query and item.
 */
export function aStrategy({ id = 1, version = 1, query, item, ...rest }: StrategyOverrides = {}): Strategy {
  const body = strategySchema.parse({
    name: 'CPU is high',
    bk_biz_id: '2',
    items: [
      {
        queries: [{ metric: 'cpu', aggregation: 'AVG', interval: 60, dimensions: ['host'], ...query }],
        algorithms: [{ level: 2, type: 'Threshold', config: [[{ method: 'gt', threshold: 80 }]] }],
        ...item,
      },
    ],
    detects: [{ level: 2 }],
    ...rest,
  });
  return { ...body, id, version };
}

/** The birth of an alert of strategy 1, as Detect publishes it. */
export function anAlertEvent(overrides: Partial<AlertEvent> = {}): AlertEvent {
  return alertEvent.parse({
    event_id: 'alert-1-1',
    alert_id: 'alert-1',
    alert_key: 'key-1',
    transition: 1,
    kind: 'fired',
    reason: 'threshold',
    bk_biz_id: '2',
    strategy_id: 1,
    strategy_version: 1,
    strategy_name: 'CPU is high',
    alert_name: 'CPU is high',
    status: 'ABNORMAL',
    severity: 2,
    target_type: 'HOST',
    target: 'web-1',
    dimensions: { host: 'web-1' },
    labels: { alertname: 'CPU is high', host: 'web-1' },
    metric: 'cpu',
    value: 95,
    description: 'avg(cpu) = 95 > 80',
    anomaly_timestamps: [NOON],
    begin_time: NOON,
    time: NOON,
    source: { topic: 'raw_events', partition: 0, offset: 0 },
    epoch: 1,
    ...overrides,
  });
}
