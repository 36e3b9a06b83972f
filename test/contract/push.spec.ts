import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { createClient } from '@redis/client';
import { parseConfig } from '../../src/config.js';
import { KafkaCluster } from '../../src/log/kafka/kafka-cluster.client.js';
import { KafkaExternalTopics } from '../../src/log/kafka/kafka-external-topics.service.js';
import type { LogRecord, OutgoingRecord } from '../../src/log/event-log.js';
import { murmur2Partition } from '../../src/log/partitioner.js';
import { eventually } from '../support/eventually.js';
import { consumes, holdGroup } from '../support/groups.js';
import { aTocsin, type TestTocsin } from '../support/tocsin.js';
import { startRedis } from '../support/servers/redis.mjs';

interface Pushed {
  readonly type: string;
  readonly idempotency_key: string;
  readonly alert: { readonly alert_id: string; readonly status: string; readonly labels: Record<string, string> };
}

const brokers = process.env['KAFKA_BROKERS'] ?? '';
const topic = `heal-${randomBytes(4).toString('hex')}`;

/** Takes connections, listens, and never says a word. */
async function aSilentServer(): Promise<Server & { port: number }> {
  const sockets = new Set<import('node:net').Socket>();
  const server = createServer((socket) => void sockets.add(socket.resume()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.on('close', () => sockets.forEach((socket) => socket.destroy()));
  return Object.assign(server, { port: (server.address() as AddressInfo).port });
}

describe('pushes to queues of self-healing systems', () => {
  let kafka: KafkaCluster;
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let list: ReturnType<typeof createClient>;
  const open: (() => Promise<void> | void)[] = [];

  beforeAll(async () => {
    kafka = new KafkaCluster({ brokers: brokers.split(',') }, 'push-test', parseConfig({}));
    await kafka.ensureTopics([{ name: topic, partitions: 1 }], 1);
    redis = await startRedis({ password: 'p@ss' });
    await connectList();
  });
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
    await list.del('alerts');
  });
  afterAll(async () => {
    list.destroy();
    await redis.stop();
    await kafka.close();
  });

  const connectList = async (): Promise<void> => {
    list = createClient({ socket: { port: redis.port }, password: 'p@ss' });
    await list.connect();
  };
  const start = async (dsn: unknown, settings: Record<string, string> = {}): Promise<TestTocsin> => {
    const tocsin = await aTocsin({ MESSAGE_QUEUE_DSN: typeof dsn === 'string' ? dsn : JSON.stringify(dsn), ...settings });
    open.push(() => tocsin.close());
    return tocsin;
  };
  const alarm = (tocsin: TestTocsin, name: string, business: string, ended = false) =>
    tocsin.client.call('POST', `/api/v2/alerts?bk_biz_id=${business}`, [
      { labels: { alertname: name }, startsAt: '2026-01-01T00:00:00Z', ...(ended && { endsAt: new Date().toISOString() }) },
    ]);
  const inTopic = async (name: string): Promise<Pushed[]> => {
    const [bounds] = await kafka.offsets(topic);
    const found: Pushed[] = [];
    for await (const records of kafka.read({ topic, partition: 0 }, 0, bounds!.high))
      for (const { value } of records) found.push(JSON.parse(value!.toString()) as Pushed);
    return found.filter(({ alert }) => alert.labels['alertname'] === name);
  };
  const inList = async (): Promise<Pushed[]> => (await list.lRange('alerts', 0, -1)).map((text) => JSON.parse(text) as Pushed).reverse();
  const pushes = async (tocsin: TestTocsin) =>
    (await tocsin.client.get<{ pushes: { queue: string; state: string; attempts: number; last_error: string | null }[] }>('/api/v1/pushes')).body
      .pushes;

  it('go to the queue of every business and to that of the own one, at the beginning and at the end of an alert (P9)', async () => {
    const tocsin = await start({ 0: `kafka://${brokers}/${topic}`, 5: `redis://:p%40ss@127.0.0.1:${redis.port}/0/alerts` });
    await alarm(tocsin, 'DiskFull', '5');
    await alarm(tocsin, 'CpuHot', '6');
    await eventually(async () => (await inList()).length === 1 && (await inTopic('CpuHot')).length === 1, 'the first pushes');
    await alarm(tocsin, 'DiskFull', '5', true);
    await eventually(async () => (await inList()).length === 2 && (await inTopic('DiskFull')).length === 2, 'the pushes of the end');
    const told = (all: readonly Pushed[]) => all.map(({ type, alert }) => [type, alert.status]);
    expect(told(await inTopic('DiskFull'))).toEqual([
      ['ANOMALY_PUSH', 'ABNORMAL'],
      ['RECOVERY_PUSH', 'RECOVERED'],
    ]);
    expect(told(await inList())).toEqual(told(await inTopic('DiskFull')));
    expect(await inList()).toEqual(await inTopic('DiskFull'));
    await eventually(async () => (await pushes(tocsin)).every(({ state }) => state === 'sent'), 'the confirmations');
    expect(JSON.stringify(await pushes(tocsin))).not.toContain('p@ss');
  });

  it('that an unresponsive broker does not acknowledge time out, are retried, and do not block others (P9)', async () => {
    const silent = await aSilentServer();
    open.push(() => void silent.close());
    const dead = { 'bootstrap.servers': `127.0.0.1:${silent.port}`, topic: 'x', 'message.timeout.ms': '200' };
    const tocsin = await start([dead, `kafka://${brokers}/${topic}`]);
    await alarm(tocsin, 'Silent', '2');
    await eventually(async () => (await inTopic('Silent')).length === 1, 'the push to the queue that lives');
    await eventually(async () => (await pushes(tocsin)).some(({ attempts, state }) => state === 'pending' && attempts >= 2), 'two failures');
    const [failing] = (await pushes(tocsin)).filter(({ state }) => state === 'pending');
    expect(failing!.last_error).toMatch(/not acknowledged within 1200 ms|[Cc]onnection/);
    const [alert] = await tocsin.client.alerts('?name=Silent');
    const { body } = await tocsin.client.get<{ timeline: { what: string; actor: string; why: string }[] }>(`/api/v1/alerts/${alert!.alert_id}`);
    const said = body.timeline.filter(({ actor }) => actor === 'push').map(({ what }) => what);
    expect(said.sort()).toEqual(['not_sent', 'notified']);
  });

  it('wait for a queue to recover, and are dead beyond the maximum age (P9)', async () => {
    const tocsin = await start(`redis://:p%40ss@127.0.0.1:${redis.port}/0/alerts`, { MESSAGE_QUEUE_MAX_AGE_MS: '60000' });
    list.destroy();
    await redis.kill();
    await alarm(tocsin, 'Away', '2');
    await eventually(async () => (await pushes(tocsin)).some(({ attempts }) => attempts > 0), 'a failure');
    await redis.restart();
    await connectList();
    await eventually(async () => (await inList()).length === 1, 'the push');
    list.destroy();
    await redis.kill();
    const hasty = await start(`redis://:p%40ss@127.0.0.1:${redis.port}/0/alerts`, { MESSAGE_QUEUE_MAX_AGE_MS: '8000' });
    await alarm(hasty, 'TooLate', '2');
    await eventually(async () => (await pushes(hasty)).some(({ state }) => state === 'dead'), 'the end of patience');
    await redis.restart();
    await connectList();
    const [dead] = (await hasty.client.get<{ pushes: { id: number; reason: string }[] }>('/api/v1/pushes?state=dead')).body.pushes;
    expect(dead!.reason).toBe('too_old');
    expect((await hasty.client.call('POST', `/api/v1/pushes/${dead!.id}/replay`)).status).toBe(202);
    await eventually(async () => (await inList()).length === 1, 'the replayed push');
  });

  it('are not created for changes beyond the maximum age, which is logged (P9)', async () => {
    const tocsin = await start(`redis://:p%40ss@127.0.0.1:${redis.port}/0/alerts`, { MESSAGE_QUEUE_MAX_AGE_MS: '1000' });
    await consumes(tocsin, 'push');
    const go = holdGroup(tocsin, 'push');
    await alarm(tocsin, 'Late', '2');
    await eventually(async () => (await tocsin.client.alerts('?name=Late')).length === 1, 'the alert');
    const stored = Date.now();
    await eventually(() => Date.now() - stored > 1000, 'more than the patience');
    go();
    const told = 'tocsin_pushes_total{outcome="too_old"} 1';
    await eventually(async () => (await tocsin.client.get<string>('/metrics')).body.includes(told), told);
    expect(await pushes(tocsin)).toEqual([]);
    expect(await inList()).toEqual([]);
  });

  it('by hand need a queue of the business (P9)', async () => {
    const tocsin = await start({ 5: `kafka://${brokers}/${topic}` }, { MESSAGE_QUEUE_FORMAT: 'compatible' });
    await alarm(tocsin, 'ByHand', '6');
    await alarm(tocsin, 'ByHand', '5');
    await eventually(async () => (await tocsin.client.alerts('?name=ByHand')).length === 2, 'the alerts');
    const [of5, of6] = await Promise.all(['5', '6'].map(async (business) => (await tocsin.client.alerts(`?name=ByHand&bk_biz_id=${business}`))[0]!));
    const refused = await tocsin.client.call<{ error: { code: string } }>('POST', `/api/v1/alerts/${of6!.alert_id}/push`);
    expect([refused.status, refused.body.error.code]).toEqual([409, 'T4101']);
    const taken = await tocsin.client.call<{ queues: string[] }>('POST', `/api/v1/alerts/${of5!.alert_id}/push`);
    expect(taken.body.queues).toEqual([`kafka://${brokers}/${topic}`]);
    const compatible = async () => {
      const [bounds] = await kafka.offsets(topic);
      const found: { type: string; event: { id: string; level_name: string } }[] = [];
      for await (const records of kafka.read({ topic, partition: 0 }, 0, bounds!.high))
        for (const { value } of records) found.push(JSON.parse(value!.toString()) as (typeof found)[number]);
      return found.filter(({ event }) => event?.id === of5!.alert_id);
    };
    await eventually(async () => (await compatible()).length === 2, 'the push of the birth and the one by hand');
    expect(await compatible()).toMatchObject([{ type: 'ANOMALY_PUSH', event: { level_name: 'warning' } }, { type: 'ANOMALY_PUSH' }]);
  });

  describe('to Kafka', () => {
    const foreign = new KafkaExternalTopics(parseConfig({}));
    const access = { brokers: brokers.split(',') };
    const aTopic = async (config: Record<string, string> = {}): Promise<string> => {
      const name = `heal-${randomBytes(4).toString('hex')}`;
      await kafka.ensureTopics([{ name, partitions: 3, config }], 1);
      return name;
    };
    const deliver = (to: string, records: readonly OutgoingRecord[], timeoutMs = 30_000) => foreign.deliver(access, to, records, timeoutMs);
    const stored = async (name: string) => {
      const all: { partition: number; record: LogRecord }[] = [];
      for (const { partition, low, high } of await kafka.offsets(name))
        for await (const some of kafka.read({ topic: name, partition }, low, high)) all.push(...some.map((record) => ({ partition, record })));
      return all;
    };

    it('are in the partition of their key, in order, or round robin without a key, with key and headers (P9)', async () => {
      const name = await aTopic();
      const keyed = Array.from({ length: 60 }, (_, index) => ({
        key: `key-${index % 7}`,
        value: `v${String(index).padStart(2, '0')}`,
        headers: { n: 'h' },
      }));
      await deliver(name, keyed);
      const found = await stored(name);
      expect(found).toHaveLength(60);
      for (const { partition, record } of found) {
        expect(partition).toBe(murmur2Partition(String(record.key), 3));
        expect(record.headers).toEqual({ n: 'h' });
      }
      for (const { key } of keyed.slice(0, 7)) {
        const own = found.filter(({ record }) => String(record.key) === key).map(({ record }) => String(record.value));
        expect(own).toEqual(keyed.filter((each) => each.key === key).map(({ value }) => value));
      }
      const other = await aTopic();
      for (const value of ['a', 'b', 'c', 'd', 'e', 'f']) await deliver(other, [{ key: null, value }]);
      expect((await stored(other)).map(({ partition }) => partition).sort()).toEqual([0, 0, 1, 1, 2, 2]);
    });

    it('that can never work fail in words (P9)', async () => {
      await expect(deliver('heal-nowhere', [{ key: null, value: 'x' }])).rejects.toThrow('Topic not found on the Kafka cluster: heal-nowhere');
      const small = await aTopic({ 'max.message.bytes': '1000' });
      const records = ['x', 'y'.repeat(2000)].map((value) => ({ key: 'k', value }));
      await expect(deliver(small, records)).rejects.toThrow(/MESSAGE_TOO_LARGE/);
      expect((await stored(small)).map(({ record }) => String(record.value))).toEqual(['x']);
    });

    const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;

    it('leave no connection behind (P9)', async () => {
      const name = await aTopic();
      const before = sockets();
      for (let round = 0; round < 5; round++) await deliver(name, [{ key: null, value: 'x' }]);
      await eventually(() => sockets() <= before, 'no more connections than before');
    });

    it('time out without a response, and fail immediately when the connection is refused (P9)', async () => {
      const silent = await aSilentServer();
      open.push(() => void silent.close());
      const nobody = foreign.deliver({ brokers: [`127.0.0.1:${silent.port}`] }, 'x', [{ key: null, value: 'x' }], 500);
      await expect(nobody).rejects.toThrow('not acknowledged within 500 ms');
      await eventually(() => promisify(silent.getConnections.bind(silent))().then((count) => count === 0), 'no connection to who is silent');
      const dead = foreign.deliver({ brokers: ['127.0.0.1:1'] }, 'x', [{ key: null, value: 'x' }], 30_000);
      await expect(dead).rejects.toThrow(/127\.0\.0\.1:1: connection refused/);
    });
  });

  it('with a wrong address stop the start with a sentence', () => {
    expect.assertions(1);
    return expect(start('kafka://localhost')).rejects.toThrow('MESSAGE_QUEUE_DSN: Kafka URL must have the form kafka://host:port');
  });
});
