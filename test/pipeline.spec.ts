/** Living documentation: events in at one end, alerts and notices out at the other, nothing in between replaced. */
import { EventLog } from '../src/log/event-log.js';
import { topics } from '../src/topics.js';
import { anAlertEvent } from './support/builders.js';
import { eventually } from './support/eventually.js';
import { aTocsin, type TestTocsin, WebhookSink } from './support/tocsin.js';

const START = Math.floor(Date.now() / 60_000) * 60_000 - 600_000;

/** A strategy that compares the mean of each second with a threshold. */
const aStrategy = (name: string, overrides: Record<string, unknown> = {}) => ({
  name,
  bk_biz_id: '2',
  items: [
    {
      lateness: 0,
      queries: [{ metric: name, aggregation: 'AVG', interval: 1, dimensions: ['host'] }],
      algorithms: [
        { level: 2, type: 'Threshold', config: [[{ method: 'gte', threshold: 80 }]] },
        { level: 1, type: 'Threshold', config: [[{ method: 'gte', threshold: 95 }]] },
      ],
    },
  ],
  detects: [
    { level: 1, trigger: { count: 1, check_window: 1 }, recovery: { check_window: 2 } },
    { level: 2, trigger: { count: 1, check_window: 1 }, recovery: { check_window: 2 } },
  ],
  ...overrides,
});

const metric = (name: string, host: string, second: number, value: number) => ({
  event_type: 'metric',
  bk_biz_id: '2',
  event_source: 'test',
  timestamp: START + second * 1000,
  raw_data: { metric: name, value, dimensions: { host } },
});

describe('the pipeline', () => {
  let tocsin: TestTocsin;
  let sink: WebhookSink;
  beforeAll(async () => {
    sink = new WebhookSink();
    const url = await sink.listen();
    tocsin = await aTocsin();
    await tocsin.client.post('/api/v1/receivers', { name: 'sink', channel: 'webhook', settings: { url } });
  });
  afterAll(async () => {
    await tocsin.close();
    sink.close();
  });

  /** Sends the mean of each second for a host, beginning at `from`. */
  const send = (name: string, host: string, from: number, values: readonly number[]) =>
    tocsin.client.post(
      '/api/v1/events',
      values.map((value, index) => metric(name, host, from + index, value)),
    );
  const alerts = (name: string) => tocsin.client.alerts(`?limit=100&name=${encodeURIComponent(name)}`);
  const isAbout = (name: string, status: string) => (delivery: { body: { status: string; alerts: readonly { labels: Record<string, string> }[] } }) =>
    delivery.body.status === status && delivery.body.alerts.some(({ labels }) => labels['alertname'] === name);

  it('a busy host: the alert fires and is notified, recovers, and the recovery is notified', async () => {
    await tocsin.client.post('/api/v1/strategies', aStrategy('cpu'));
    await send('cpu', 'web-1', 0, [50, 90, 91]);
    await eventually(async () => (await alerts('cpu')).length === 1, 'the alert');
    expect(await alerts('cpu')).toMatchObject([
      { status: 'ABNORMAL', severity: 2, labels: { host: 'web-1' }, begin_time: START + 1000, end_time: null },
    ]);
    const fired = await sink.received('cpu fires', isAbout('cpu', 'firing'));
    expect(fired.body).toMatchObject({
      notification_reason: 'first notification',
      alerts: [{ status: 'firing', labels: { host: 'web-1', severity: 'warning' } }],
    });
    await send('cpu', 'web-1', 3, [40, 41, 42]);
    await eventually(async () => (await alerts('cpu'))[0]?.status === 'RECOVERED', 'the recovery');
    const ended = await sink.received('cpu recovered', isAbout('cpu', 'resolved'));
    expect(ended.key).not.toBe(fired.key);
  });

  it('a disk fills slowly: the severity of the open alert is raised, which is notified again', async () => {
    await tocsin.client.post('/api/v1/strategies', aStrategy('disk'));
    await send('disk', 'db-1', 0, [70, 85, 86]);
    await sink.received('the warning', isAbout('disk', 'firing'));
    await send('disk', 'db-1', 3, [97, 98]);
    await eventually(async () => (await alerts('disk'))[0]?.severity === 1, 'the higher severity');
    expect(await alerts('disk')).toHaveLength(1);
    await sink.received('the raise', ({ body }) => body.notification_reason === 'severity raised' && body.alerts[0]?.labels['severity'] === 'fatal');
    const [alert] = await alerts('disk');
    const happened = async () => {
      const { body } = await tocsin.client.get<{ timeline: { what: string }[] }>(`/api/v1/alerts/${alert!.alert_id}`);
      return body.timeline.map(({ what }) => what);
    };
    // Who is told has the notice before its outcome is written down.
    await eventually(async () => (await happened()).includes('notified'), 'the notice in the timeline');
    expect(await happened()).toEqual(expect.arrayContaining(['created', 'severity_changed']));
  });

  it('a switch takes sixty hosts with it: one digest with all of them, instead of sixty notices', async () => {
    await tocsin.client.post(
      '/api/v1/strategies',
      aStrategy('ping', { converge: { group_by: ['host'], group_wait: 2, group_interval: 1, storm: { threshold: 20, window: 60 } } }),
    );
    const hosts = Array.from({ length: 60 }, (_, index) => `node-${index}`);
    await tocsin.client.post(
      '/api/v1/events',
      hosts.flatMap((host) => [metric('ping', host, 0, 100), metric('ping', host, 1, 100)]),
    );
    await eventually(async () => (await alerts('ping')).length === 60, 'sixty alerts');
    const told = () =>
      new Set(sink.deliveries.filter(isAbout('ping', 'firing')).flatMap(({ body }) => body.alerts.map(({ labels }) => labels['host'])));
    await eventually(() => told().size === 60, 'every host in some notice');
    const notices = sink.deliveries.filter(isAbout('ping', 'firing'));
    expect(notices.some(({ body }) => body.notification_reason === 'storm opened')).toBe(true);
    expect(notices.length).toBeLessThan(10);
    await tocsin.client.post(
      '/api/v1/events',
      hosts.flatMap((host) => [2, 3, 4, 5].map((second) => metric('ping', host, second, 0))),
    );
    await eventually(async () => (await tocsin.client.alerts('?name=ping&status=ABNORMAL&limit=100')).length === 0, 'all recovered');
    await sink.received('the end of the storm', isAbout('ping', 'resolved'));
  });

  it('an alert of Prometheus is a lease: sending it again changes nothing, resolving ends it', async () => {
    const alert = (endsAt: number) => [
      {
        labels: { alertname: 'TargetDown', instance: 'a:9100', severity: 'critical' },
        annotations: { summary: 'down' },
        startsAt: new Date(Date.now() - 60_000).toISOString(),
        endsAt: new Date(endsAt).toISOString(),
      },
    ];
    await tocsin.client.post('/api/v2/alerts', alert(Date.now() + 240_000));
    await eventually(async () => (await alerts('TargetDown')).length === 1, 'the alert');
    await sink.received('the alert of Prometheus', isAbout('TargetDown', 'firing'));
    for (let times = 0; times < 3; times++) await tocsin.client.post('/api/v2/alerts', alert(Date.now() + 240_000));
    await tocsin.client.post('/api/v2/alerts', alert(Date.now() - 1000));
    await eventually(async () => (await alerts('TargetDown'))[0]?.status === 'RECOVERED', 'its end');
    expect(await alerts('TargetDown')).toHaveLength(1);
    await sink.received('its end', isAbout('TargetDown', 'resolved'));
  });

  it('a lease that is not renewed ends', async () => {
    await tocsin.client.post('/api/v2/alerts', [{ labels: { alertname: 'Forgotten' }, endsAt: new Date(Date.now() + 1500).toISOString() }]);
    await eventually(async () => (await alerts('Forgotten'))[0]?.status === 'RECOVERED', 'the end of the lease');
    expect((await alerts('Forgotten'))[0]).toMatchObject({ end_reason: 'lease_expired' });
  });

  it('a receiver that fails is tried again under the same key, and others do not wait for it', async () => {
    await tocsin.client.post('/api/v1/strategies', aStrategy('retry'));
    sink.answers.push(500, 503, 429);
    await send('retry', 'web-1', 0, [99, 99]);
    const fired = await sink.received('the notice at last', isAbout('retry', 'firing'));
    expect(sink.deliveries.filter(({ key }) => key === fired.key)).toHaveLength(1);
  });

  it('a deleted strategy takes its open alerts with it, and says why', async () => {
    const { id } = await tocsin.client.post<{ id: number }>('/api/v1/strategies', aStrategy('doomed'));
    await send('doomed', 'web-1', 0, [99, 99]);
    await eventually(async () => (await alerts('doomed')).length === 1, 'the alert');
    expect((await tocsin.client.call('DELETE', `/api/v1/strategies/${id}`)).status).toBe(204);
    await eventually(async () => (await alerts('doomed'))[0]?.status === 'CLOSED', 'the end');
    expect((await alerts('doomed'))[0]).toMatchObject({ end_reason: 'strategy_deleted' });
  });

  it('a changed threshold applies to the next event, and the open alert stays open', async () => {
    const strategy = aStrategy('moving');
    const { id } = await tocsin.client.post<{ id: number }>('/api/v1/strategies', strategy);
    await send('moving', 'web-1', 0, [85, 85]);
    await eventually(async () => (await alerts('moving'))[0]?.severity === 2, 'the warning');
    const stricter = structuredClone(strategy);
    stricter.items[0]!.algorithms[1]!.config[0]![0]!.threshold = 84;
    expect((await tocsin.client.call('PUT', `/api/v1/strategies/${id}`, stricter)).status).toBe(200);
    await send('moving', 'web-1', 2, [85, 85]);
    await eventually(async () => (await alerts('moving'))[0]?.severity === 1, 'the fatal one');
    expect(await alerts('moving')).toHaveLength(1);
  });

  it('an operator acknowledges, comments and closes; the timeline records it', async () => {
    await tocsin.client.post('/api/v1/strategies', aStrategy('manual'));
    await send('manual', 'web-1', 0, [99, 99]);
    await eventually(async () => (await alerts('manual')).length === 1, 'the alert');
    await sink.received('the alert', isAbout('manual', 'firing'));
    const { alert_id: id } = (await alerts('manual'))[0]!;
    await tocsin.client.post(`/api/v1/alerts/${id}/acknowledge`, { by: 'ann', comment: 'looking' });
    await tocsin.client.post(`/api/v1/alerts/${id}/comment`, { by: 'ann', text: 'fan is broken' });
    await tocsin.client.post(`/api/v1/alerts/${id}/close`, { by: 'ann', reason: 'replaced the fan' });
    const { body } = await tocsin.client.get<{ timeline: { what: string; actor: string }[] }>(`/api/v1/alerts/${id}`);
    expect(body.timeline.filter(({ actor }) => actor === 'ann').map(({ what }) => what)).toEqual(['acknowledged', 'commented', 'closed']);
    expect((await tocsin.client.call('POST', `/api/v1/alerts/${id}/acknowledge`, { by: 'bob' })).status).toBe(409);
    await sink.received('the end by hand', isAbout('manual', 'resolved'));
  });

  it('a record of a foreign producer that exceeds a limit is a dead letter for every reader, and one at the limit for none', async () => {
    const business = (length: number) => 'b'.repeat(length);
    const foreign = { alert_name: 'foreign', labels: { alertname: 'foreign' }, strategy_id: 0, time: Date.now(), begin_time: Date.now() };
    const refused = [
      anAlertEvent({ ...foreign, alert_id: 'too-long', alert_key: 'k1' }),
      anAlertEvent({ ...foreign, alert_id: 'id', alert_key: 'k2' }),
      anAlertEvent({ ...foreign, alert_id: 'key', alert_key: 'k3' }),
    ].map((event, index) => ({ ...event, ...[{ bk_biz_id: business(129) }, { alert_id: 'CAPITALS' }, { alert_key: 'k'.repeat(65) }][index] }));
    const accepted = anAlertEvent({ ...foreign, alert_id: 'i'.repeat(64), alert_key: 'k'.repeat(64), bk_biz_id: business(128) });
    const records = [...refused, accepted].map((event) => ({ key: event.alert_key, value: JSON.stringify(event) }));
    await tocsin.running.app.get(EventLog).publish(topics.alerts.name, records);
    await eventually(async () => (await alerts('foreign')).length === 1, 'the alert at the limit');
    await sink.received('its notice', isAbout('foreign', 'firing'));
    expect(await alerts('foreign')).toMatchObject([{ alert_id: accepted.alert_id, bk_biz_id: business(128) }]);
    const letters = async (stage: string) =>
      (await tocsin.client.get<{ letters: object[] }>(`/api/v1/dead-letters?topic=alerts&code=T6003&stage=${stage}`)).body.letters;
    for (const stage of ['alert', 'converge']) await eventually(async () => (await letters(stage)).length === refused.length, `letters of ${stage}`);
    expect(sink.deliveries.filter(isAbout('foreign', 'firing'))).toHaveLength(1);
  });

  it('survives a restart in the middle of everything', async () => {
    await tocsin.client.post(
      '/api/v1/strategies',
      aStrategy('restart', {
        detects: [
          { level: 1, recovery: { check_window: 2 } },
          { level: 2, trigger: { count: 3, check_window: 5 }, recovery: { check_window: 2 } },
        ],
      }),
    );
    await send('restart', 'web-1', 0, [85, 50, 85]);
    await tocsin.restart();
    await send('restart', 'web-1', 3, [50, 85, 50]);
    await eventually(async () => (await alerts('restart')).length === 1, 'three of five, counted across the restart');
    expect(await alerts('restart')).toMatchObject([{ severity: 2, begin_time: START }]);
  });
});
