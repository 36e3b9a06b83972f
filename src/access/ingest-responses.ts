import { z } from 'zod';

/** Why items of a request are rejected. */
export const itemErrors = z.array(
  z.object({ index: z.number().describe('Place of the item in the request, from 0'), code: z.string(), message: z.string() }),
);

/** Result of a request, by outcome of its items. */
export const receiptResponse = z.object({
  accepted: z.number(),
  rejected: z.number(),
  dropped: z.record(z.string(), z.number()).optional().describe('How many were dropped although nothing is wrong with them, by reason'),
  errors: itemErrors,
});

/** The response in the format of bk-collector, with Tocsin's result added. */
export const reportResponse = receiptResponse.extend({ code: z.string(), result: z.string(), message: z.string() });

const item = z.looseObject({});
const text = z.union([z.string(), z.number()]);
const event = z.looseObject({
  event_type: z.enum(['metric', 'event', 'log', 'alert']),
  bk_biz_id: text.optional(),
  event_source: text,
  event_id: text.optional(),
  timestamp: text.optional().describe('Epoch s, ms, µs or ns, or RFC 3339; default: now'),
  raw_data: item,
});
const cloudEvent = z.looseObject({ specversion: z.string(), id: z.string(), source: z.string(), type: z.string() });
const alert = z.looseObject({
  labels: z.record(z.string(), z.string()),
  annotations: z.record(z.string(), z.string()).optional(),
  startsAt: z.string().optional().describe('RFC 3339'),
  endsAt: z.string().optional().describe('RFC 3339'),
  generatorURL: z.string().optional(),
});
const example = {
  event_type: 'metric',
  bk_biz_id: '2',
  event_source: 'shop',
  timestamp: 1_795_176_000_000,
  raw_data: { metric: 'cpu_usage', value: 97.5, dimensions: { host: 'web-1' } },
};

/** Body schemas for the API documentation only; the routes parse the bytes themselves. */
export const eventsBody = z.union([event, z.array(event), z.object({ events: z.array(event) })]).meta({ example: [example] });
export const documentsBody = z.union([item, z.array(item)]).meta({ example: { title: 'Backup failed', text: 'disk full' } });
export const cloudEventsBody = z.union([cloudEvent, z.array(cloudEvent)]).meta({
  example: { specversion: '1.0', id: '42', source: '/shop', type: 'order.failed', data: { order: 7 } },
});
export const alertmanagerBody = z.array(alert).meta({
  example: [{ labels: { alertname: 'HostDown', severity: 'critical', instance: 'web-1' }, annotations: {}, startsAt: '2026-11-20T12:00:00Z' }],
});
export const reportBody = z.looseObject({ data_id: z.number(), access_token: z.string().optional(), data: z.array(item) }).meta({
  example: {
    data_id: 1001,
    access_token: 'token',
    data: [{ metrics: { cpu_usage: 97.5 }, target: 'web-1', dimension: {}, timestamp: 1_795_176_000_000 }],
  },
});
export const binaryBody = z.string().meta({ format: 'binary', example: '(snappy-compressed protobuf)' });
