import { z } from 'zod';
import { retryAfter } from '../../shared/retry.js';
import { channel, type ChannelRequest, type DeliveryOutcome } from './channel.js';
import type { HttpResponse, Outbound } from './outbound.client.js';
import { webhookBody } from './webhook-body.js';

/** Headers that the channel sets, or that could change the framing of the body. */
const reserved = new Set([
  'content-type',
  'content-length',
  'transfer-encoding',
  'connection',
  'host',
  'expect',
  'upgrade',
  'idempotency-key',
  'user-agent',
]);

const headers = z.record(
  z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be a valid header name'),
  z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'must be a single line of Latin-1 text'),
);

const settings = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
    .refine((url) => !URL.canParse(url) || new URL(url).username === '', 'must not contain credentials; use headers'),
  headers: headers
    .refine((given) => Object.keys(given).every((name) => !reserved.has(name.toLowerCase())), `must not contain ${[...reserved].join(', ')}`)
    .default({}),
  /** Most alerts in one body; 0 = all. */
  max_alerts: z.number().int().min(0).default(0),
  timeout_ms: z.number().int().min(100).max(120_000).optional(),
});

type Settings = z.output<typeof settings>;

/** Posts the Alertmanager webhook body. Any 2xx is success. */
export const webhook = channel(settings, deliver, ({ timeout_ms }) => timeout_ms);

async function deliver(delivery: ChannelRequest, { url, headers, max_alerts }: Settings, outbound: Outbound): Promise<DeliveryOutcome> {
  const body = webhookBody(delivery.group, { ...delivery, maxAlerts: max_alerts });
  const ours = { 'content-type': 'application/json', 'idempotency-key': delivery.idempotencyKey };
  try {
    return judge(await outbound.post(url, { ...headers, ...ours }, body, delivery.signal));
  } catch (error) {
    if (delivery.signal.aborted) return { kind: 'failed', reason: 'timeout', error: 'timeout', retry: true };
    return { kind: 'failed', reason: 'network', error: problem(error), retry: true };
  }
}

/** 5xx, 429, 425 and 408 are retried; any other status but 2xx is final. */
function judge({ code, body, retryAfter: after, at }: HttpResponse): DeliveryOutcome {
  if (code >= 200 && code < 300) return { kind: 'delivered', code };
  const wait = after === undefined ? undefined : retryAfter(after, at);
  return {
    kind: 'failed',
    reason: `http_${code}`,
    error: `${code}${body && `: ${body.slice(0, 300)}`}`,
    retry: code >= 500 || code === 429 || code === 425 || code === 408,
    code,
    ...(wait !== undefined && { retryAfterMs: wait }),
  };
}

function problem(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return [code, message].filter((part) => typeof part === 'string' && part !== '').join(': ') || String(error);
}
