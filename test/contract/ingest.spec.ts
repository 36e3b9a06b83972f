import { parseConfig } from '../../src/config.js';
import { SourceService } from '../../src/sources/source.service.js';
import { EventLog } from '../../src/log/event-log.js';
import { type Running, serve } from '../../src/app/serve.js';
import { topics } from '../../src/topics.js';
import { eventually } from '../support/eventually.js';
import { servers } from '../support/installation.js';
import { Client } from '../support/tocsin.js';
import { person } from '../../src/shared/actor.js';
import { parseSource } from '../../src/access/registry/source.js';

interface Receipt {
  readonly accepted: number;
  readonly dropped?: { readonly degraded?: number };
}

interface Ready {
  readonly details: { readonly degrade: { readonly degraded: boolean } };
}

describe('two replicas on one Kafka', () => {
  const replicas: { running: Running; client: Client }[] = [];
  let installation: Awaited<ReturnType<typeof servers>>;

  beforeAll(async () => {
    installation = await servers();
    for (const instance of ['a', 'b']) {
      const running = await serve(parseConfig({ ...installation.env, INSTANCE_ID: instance, LEASE_MS: '3000' }));
      replicas.push({ running, client: new Client(running.url) });
    }
  });
  afterAll(async () => {
    for (const { running } of replicas.reverse()) await running.close();
    await installation.close();
  });

  const change = () => ({ actor: person('test'), now: Date.now() });
  const events = (source: string) =>
    Array.from({ length: 50 }, (_, n) => ({
      event_type: 'metric',
      bk_biz_id: '2',
      event_source: source,
      raw_data: { metric: 'cpu', value: n, dimensions: { host: `web-${n}` } },
    }));

  /** How many events of a source are in raw_events. */
  async function count(source: string): Promise<number> {
    const log = replicas[0]!.running.app.get(EventLog);
    const { name } = topics.rawEvents;
    let found = 0;
    for (const { partition, low, high } of await log.offsets(name)) {
      for await (const records of log.read({ topic: name, partition }, low, high)) {
        for (const { value } of records) found += value!.toString().split(`"event_source":"${source}"`).length - 1;
      }
    }
    return found;
  }

  it('shed what a switch says on both of them, keep the same series, say so everywhere, and end when it expires (O7)', async () => {
    const [a, b] = replicas.map(({ client }) => client) as [Client, Client];
    const offer = async (to: Client) => (await to.call<Receipt>('POST', '/api/v1/events', events('flood'))).body;
    const ready = async (to: Client) => (await to.get<Ready>('/health/ready')).body.details?.degrade.degraded;
    await eventually(async () => (await offer(b)).accepted === 50, 'the log to take events');
    const set = async (time: object) => {
      const body = { keep: 0.4, reason: 'test of a flood', by: 'ann', ...time };
      expect(await a.call('PUT', '/api/v1/degrade/flood', body)).toMatchObject({ status: 200 });
    };
    await set({ for_ms: 600_000 });
    const first = await offer(a);
    expect(first.accepted).toBeGreaterThan(5);
    expect(first.accepted).toBeLessThan(40);
    // The replica that was not asked follows, and keeps the very same series.
    await eventually(() => ready(b), 'the other replica to follow', 5000);
    expect(await offer(b)).toEqual(first);
    const alert = async (status: string) =>
      (await b.alerts(`?status=${status}`)).some(({ labels }) => labels['alertname'] === 'TocsinDegradeSwitchActive');
    await eventually(() => alert('ABNORMAL'), 'an alert of our own');
    expect((await b.get<string>('/metrics')).body).toContain(
      `tocsin_access_degraded_events_total{source="flood",by="sample"} ${50 - first.accepted}`,
    );
    const until = Date.now() + 2000;
    await set({ expires_at: until });
    await eventually(async () => (await offer(b)).accepted === 50, 'the end of the switch');
    expect(Date.now()).toBeGreaterThanOrEqual(until);
    await eventually(() => alert('RECOVERED'), 'the end of the alert');
    const audit = () => installation.database.query<{ action: string }>("SELECT action FROM audit WHERE object_id = 'flood' ORDER BY id");
    await eventually(async () => (await audit()).length === 3, 'the audit rows');
    expect((await audit()).map(({ action }) => action)).toEqual(['degrade.set', 'degrade.set', 'degrade.expired']);
    expect(await count('flood')).toBeGreaterThanOrEqual(50 + 2 * first.accepted + 50);
  });

  it('refuse a token within five seconds after it was revoked on the other, and put nothing of it into the log', async () => {
    const [a, b] = replicas as [(typeof replicas)[0], (typeof replicas)[0]];
    const sources = a.running.app.get(SourceService);
    const { token: older } = await sources.create(parseSource({ kind: 'http', name: 'gate', business: '2' }), change());
    const { token: newer } = await sources.addToken('gate', change());
    const send = async (token: string) =>
      (await b.client.call('POST', '/api/v1/ingest/gate', events('gate').slice(0, 1), { authorization: `Bearer ${token}` })).status;
    await eventually(async () => (await send(older!)) === 202, 'the source to be known', 5000);
    await sources.revokeToken('gate', change());
    await eventually(async () => (await send(older!)) === 403, 'the token to be refused', 5000);
    const before = await count('gate');
    expect([await send(older!), await send(newer)]).toEqual([403, 202]);
    expect(await count('gate')).toBe(before + 1);
  });
});
