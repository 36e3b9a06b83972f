import { z } from 'zod';

/** Why an item of a request is not taken. */
export const itemErrors = z.array(
  z.object({ index: z.number().describe('Place of the item in the request, from 0'), code: z.string(), message: z.string() }),
);

/** What became of the items of a request. */
export const receiptResponse = z.object({
  accepted: z.number(),
  rejected: z.number(),
  dropped: z.record(z.string(), z.number()).optional().describe('How many were dropped although nothing is wrong with them, by reason'),
  errors: itemErrors,
});

/** The answer in the shape of bk-collector, with the receipt beside it. */
export const reportResponse = receiptResponse.extend({ code: z.string(), result: z.string(), message: z.string() });

const item = z.looseObject({});
const example = {
  event_type: 'metric',
  bk_biz_id: '2',
  event_source: 'shop',
  timestamp: 1_795_176_000_000,
  raw_data: { metric: 'cpu_usage', value: 97.5, dimensions: { host: 'web-1' } },
};

/** What the routes document as their body; they read the bytes themselves. */
export const eventsBody = z.union([item, z.array(item)]).meta({ example: [example] });
export const documentsBody = z.union([item, z.array(item)]).meta({ example: { title: 'Backup failed', text: 'disk full' } });
export const cloudEventsBody = z.union([item, z.array(item)]).meta({
  example: { specversion: '1.0', id: '42', source: '/shop', type: 'order.failed', data: { order: 7 } },
});
export const alertmanagerBody = z.array(item).meta({
  example: [{ labels: { alertname: 'HostDown', severity: 'critical', instance: 'web-1' }, annotations: {}, startsAt: '2026-11-20T12:00:00Z' }],
});
export const reportBody = item.meta({
  example: {
    data_id: 1001,
    access_token: 'token',
    data: [{ metrics: { cpu_usage: 97.5 }, target: 'web-1', dimension: {}, timestamp: 1_795_176_000_000 }],
  },
});
export const binaryBody = z.string().meta({ format: 'binary', example: '(snappy-compressed protobuf)' });
