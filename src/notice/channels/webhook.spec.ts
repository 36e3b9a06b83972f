import { aGroup } from '../../../test/support/notices.js';
import { type Reply, WebhookReceiver } from '../../../test/support/webhook-receiver.js';
import { version } from '../../shared/version.js';
import type { ChannelRequest, DeliveryOutcome } from './channel.js';
import { Outbound } from './outbound.client.js';
import { webhook } from './webhook.js';

describe('the webhook channel', () => {
  const outbound = new Outbound();
  let receiver: WebhookReceiver;
  let reply: Reply;

  beforeAll(async () => {
    receiver = await WebhookReceiver.open(() => reply);
  });
  afterAll(async () => {
    await outbound.onApplicationShutdown();
    await receiver.close();
  });
  beforeEach(() => {
    reply = { code: 200 };
    receiver.received.length = 0;
  });

  const deliver = (settings: object = {}, signal = new AbortController().signal): Promise<DeliveryOutcome> => {
    const delivery: ChannelRequest = {
      receiver: 'ops',
      settings: { url: `${receiver.url}/hook?team=a`, ...settings },
      sendResolved: true,
      group: aGroup(),
      idempotencyKey: 'key-1',
      externalUrl: 'http://tocsin.example',
      signal,
    };
    return webhook.deliver(delivery, outbound);
  };

  it('posts the body with a key that stays the same, and says who we are', async () => {
    expect(await deliver({ headers: { 'X-Token': 'secret' } })).toEqual({ kind: 'delivered', code: 200 });
    expect(receiver.received).toMatchObject([
      {
        path: '/hook?team=a',
        headers: { 'content-type': 'application/json', 'idempotency-key': 'key-1', 'user-agent': `Tocsin/${version}`, 'x-token': 'secret' },
      },
    ]);
    expect(JSON.parse(receiver.received[0]!.body)).toMatchObject({ version: '4', receiver: 'ops', externalURL: 'http://tocsin.example' });
  });

  it('takes any 2xx for success', async () => {
    reply = { code: 204 };
    expect(await deliver()).toEqual({ kind: 'delivered', code: 204 });
  });

  it.each([500, 502, 503, 429, 408, 425])('takes %i for trouble that passes', async (code) => {
    reply = { code, body: 'not now' };
    expect(await deliver()).toEqual({ kind: 'failed', reason: `http_${code}`, error: `${code}: not now`, retry: true, code });
  });

  it.each([400, 401, 404, 410, 304])('takes %i for trouble that stays', async (code) => {
    reply = { code };
    expect(await deliver()).toEqual({ kind: 'failed', reason: `http_${code}`, error: String(code), retry: false, code });
  });

  it('does not follow a redirect', async () => {
    reply = { code: 302, headers: { location: `${receiver.url}/elsewhere` } };
    expect(await deliver()).toMatchObject({ kind: 'failed', reason: 'http_302', retry: false });
    expect(receiver.received).toHaveLength(1);
  });

  it('honours Retry-After', async () => {
    reply = { code: 429, headers: { 'retry-after': '7' } };
    expect(await deliver()).toMatchObject({ reason: 'http_429', retryAfterMs: 7000 });
  });

  it('aborts the request when the signal is aborted', async () => {
    reply = 'hang';
    const limit = new AbortController();
    const outcome = deliver({}, limit.signal);
    await receiver.requests(1);
    limit.abort();
    expect(await outcome).toMatchObject({ kind: 'failed', reason: 'timeout', retry: true });
  });

  it('reports a receiver that is not there as trouble that passes', async () => {
    expect(await deliver({ url: 'http://127.0.0.1:1/' })).toMatchObject({
      kind: 'failed',
      reason: 'network',
      error: expect.stringContaining('ECONNREFUSED') as string,
      retry: true,
    });
  });

  it('does not read an answer without end', async () => {
    reply = 'endless';
    const outcome = await deliver();
    expect(outcome).toMatchObject({ reason: 'http_500' });
    expect((outcome as { error: string }).error.length).toBeLessThan(400);
  });
});
