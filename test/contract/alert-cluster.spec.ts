import { type Config, parseConfig } from '../../src/config.js';
import type { LagAnswer } from '../../src/ops/lag/lag-answer.js';
import { Offsets } from '../../src/ops/offsets/offsets.service.js';
import { parseTarget } from '../../src/ops/offsets/position.js';
import type { TopicSummary } from '../../src/ops/topics/topic-overview.js';
import { openApiOnly, type Running, serve } from '../../src/app/serve.js';
import { deadLetterTopic, topics } from '../../src/topics.js';
import { aMysql } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { ForeignCluster } from '../support/foreign-cluster.js';
import { startKafka } from '../support/servers/kafka.mjs';
import { Client, quickly, WebhookSink } from '../support/tocsin.js';
import { person } from '../../src/shared/actor.js';

const PREFIX = `two${Date.now()}.`;
const ALERTS = ['alerts', 'alert_status', 'converged_alerts'];

const strategy = {
  name: 'cpu',
  bk_biz_id: '2',
  items: [
    {
      lateness: 0,
      queries: [{ metric: 'cpu', aggregation: 'AVG', interval: 1, dimensions: ['host'] }],
      algorithms: [{ level: 1, type: 'Threshold', config: [[{ method: 'gte', threshold: 90 }]] }],
    },
  ],
  detects: [{ level: 1, trigger: { count: 1, check_window: 1 }, recovery: { check_window: 5 } }],
};

describe('alerts on a cluster of their own', () => {
  let alertCluster: Awaited<ReturnType<typeof startKafka>>;
  let database: Awaited<ReturnType<typeof aMysql>>;
  let config: Config;
  let running: Running;
  let client: Client;
  let owners: { main: ForeignCluster; alert: ForeignCluster };
  const sink = new WebhookSink();
  const start = Math.floor(Date.now() / 60_000) * 60_000 - 600_000;

  beforeAll(async () => {
    [alertCluster, database] = await Promise.all([startKafka(), aMysql()]);
    config = parseConfig({
      ...quickly,
      KAFKA_BROKERS: process.env['KAFKA_BROKERS'],
      ALERT_KAFKA_BROKERS: alertCluster.brokers,
      DATABASE_URL: database.url,
      TOPIC_PREFIX: PREFIX,
      GROUP_PREFIX: PREFIX,
      TOPIC_PARTITIONS: '2',
      KAFKA_SESSION_TIMEOUT_MS: '6000',
      KAFKA_HEARTBEAT_INTERVAL_MS: '500',
      KAFKA_FETCH_MAX_WAIT_MS: '100',
    });
    owners = {
      main: new ForeignCluster({ brokers: process.env['KAFKA_BROKERS']!.split(',') }),
      alert: new ForeignCluster({ brokers: [alertCluster.brokers] }),
    };
    running = await serve(config);
    client = new Client(running.url);
    await client.post('/api/v1/strategies', strategy);
    await client.post('/api/v1/receivers', { name: 'sink', channel: 'webhook', settings: { url: await sink.listen() } });
  }, 180_000);
  afterAll(async () => {
    await running?.close();
    await Promise.all([owners.main.close(), owners.alert.close()]);
    await database.close();
    await alertCluster.stop();
    sink.close();
  }, 60_000);

  const isBusy = (host: string) =>
    client.post(
      '/api/v1/events',
      [95, 96, 97].map((value, second) => ({
        event_type: 'metric',
        bk_biz_id: '2',
        event_source: 'test',
        timestamp: start + second * 1000,
        raw_data: { metric: 'cpu', value, dimensions: { host } },
      })),
    );
  const alerted = async (): Promise<string[]> => (await client.alerts('?limit=100')).map(({ labels }) => labels['host']!).sort();
  /** Alert and Converge read the same topic, each at its own pace: people can be told first. */
  const stored = (host: string) => eventually(async () => (await alerted()).includes(host), `the alert of ${host}`);
  const isTold = (host: string) => (delivery: { body: { alerts: readonly { labels: Record<string, string> }[] } }) =>
    delivery.body.alerts.some(({ labels }) => labels['host'] === host);
  const named = async (cluster: ForeignCluster): Promise<string[]> =>
    (await (await cluster.admin()).listTopics()).filter((name) => name.startsWith(PREFIX)).map((name) => name.slice(PREFIX.length));

  it('events are on one cluster, alerts on the other only, and notices are delivered (P7)', async () => {
    await isBusy('web-1');
    await sink.received('web-1 is busy', isTold('web-1'));
    await stored('web-1');
    expect(await alerted()).toEqual(['web-1']);
    const withDeadLetters = (all: readonly string[]): string[] => all.flatMap((name) => [name, deadLetterTopic(name)]).sort();
    expect((await named(owners.alert)).sort()).toEqual(withDeadLetters(ALERTS));
    const others = Object.values(topics).map(({ name }) => name);
    expect((await named(owners.main)).sort()).toEqual(withDeadLetters(others.filter((name) => !ALERTS.includes(name))));
    for (const topic of ALERTS) {
      const admin = await owners.alert.admin();
      await eventually(async () => (await admin.fetchTopicOffsets(PREFIX + topic)).some(({ high }) => Number(high) > 0), `something in ${topic}`);
    }
  });

  it('the tools look on the one and on the other: topics, groups, members, positions, lag (P7)', async () => {
    const { topics: shown } = (await client.get<{ topics: TopicSummary[] }>('/api/v1/topics')).body;
    const clusters = Object.fromEntries(shown.map(({ name, cluster, groups }) => [name, `${cluster}: ${groups.join()}`]));
    expect(clusters).toMatchObject({
      raw_events: `main: ${PREFIX}.detect`,
      alerts: `alert: ${PREFIX}.alert,${PREFIX}.converge`,
      converged_alerts: `alert: ${PREFIX}.notice`,
    });
    for (const group of ['detect', 'alert', 'converge', 'notice']) {
      const lag = async (): Promise<LagAnswer> => (await client.get<LagAnswer>(`/api/v1/lag?group=${group}`)).body;
      await eventually(async () => (await lag()).partitions.some(({ current }) => current !== null && current > 0), `what ${group} has committed`);
      const { partitions, problems } = await lag();
      expect(problems).toEqual([]);
      expect(partitions.map(({ client_id: who }) => who)).toEqual(partitions.map(() => `${PREFIX}.${group}-${config.INSTANCE_ID}`));
    }
    const reset = await client.call('POST', '/api/v1/offsets/reset', { group: 'notice', topic: 'converged_alerts', to: 'earliest' });
    expect(reset).toMatchObject({
      status: 409,
      body: { error: { code: 'T6201', message: expect.stringContaining('notice has active members') as string } },
    });
  });

  it('while the cluster of the alerts is down events are still taken, readiness says which one it is, and nothing is lost (P7)', async () => {
    await alertCluster.kill();
    await isBusy('web-2');
    await eventually(async () => {
      const { status, body } = await client.get('/health/ready');
      return status === 503 && JSON.stringify(body).includes(`ALERT_KAFKA_BROKERS: ${alertCluster.brokers}`);
    }, 'readiness to name the cluster');
    // Judged already: what Detect has to say waits in the outbox.
    await eventually(async () => (await database.database.query('SELECT 1 FROM outbox LIMIT 1')).length > 0, 'the outbox to hold the alert');
    expect(await alerted()).toEqual(['web-1']);
    await alertCluster.restart();
    await sink.received('web-2 is busy', isTold('web-2'));
    await stored('web-2');
    expect(await alerted()).toEqual(['web-1', 'web-2']);
    await eventually(async () => (await client.get('/health/ready')).status === 200, 'readiness');
  }, 180_000);

  it('a group that reads alerts is moved where it commits, and nowhere else (P7)', async () => {
    await running.close();
    const { app, close } = await openApiOnly(config);
    const reset = { group: 'notice', topic: 'converged_alerts', to: parseTarget('latest'), actor: person('ann'), why: '' };
    const moved = await app.get(Offsets).reset(reset, false, Date.now());
    await close();
    expect(moved.some(({ offset }) => offset > 0)).toBe(true);
    const told = async (cluster: ForeignCluster) => {
      const all = await (await cluster.admin()).fetchOffsets({ groupId: `${PREFIX}.notice` });
      return all.flatMap(({ topic, partitions }) => partitions.map(({ partition, offset }) => `${topic}/${partition} ${offset}`)).sort();
    };
    await owners.alert.reconnect();
    expect(await told(owners.alert)).toEqual(moved.map(({ partition, offset }) => `${PREFIX}converged_alerts/${partition} ${offset}`));
    expect(await told(owners.main)).toEqual([]);
  }, 60_000);
});
