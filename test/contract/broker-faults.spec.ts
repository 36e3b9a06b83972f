import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import { parseConfig } from '../../src/config.js';
import { Consumers } from '../../src/log/consuming/consumers.service.js';
import { KafkaLog } from '../../src/log/kafka/kafka-log.client.js';
import { EventLog } from '../../src/log/event-log.js';
import { type Running, serve } from '../../src/app/serve.js';
import { aMysql } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { createTopic, ForeignCluster } from '../support/foreign-cluster.js';
import { FETCH, KafkaProxy } from '../support/kafka-proxy.js';
import { startKafka } from '../support/servers/kafka.mjs';
import { freePort } from '../support/servers/processes.mjs';
import { Client, quickly } from '../support/tocsin.js';

const strategy = {
  name: 'too hot',
  bk_biz_id: '2',
  items: [
    {
      lateness: 0,
      queries: [{ metric: 'heat', aggregation: 'MAX', interval: 1, dimensions: ['host'] }],
      algorithms: [{ level: 1, type: 'Threshold', config: [[{ method: 'gte', threshold: 90 }]] }],
    },
  ],
  detects: [{ level: 1, trigger: { count: 1, check_window: 5 }, recovery: { check_window: 1000 } }],
};

/** A sender that sends what was refused again, as every sender should. */
class Sender {
  readonly accepted = new Set<string>();
  readonly refusals: number[] = [];
  #stopped = false;

  constructor(
    private readonly client: Client,
    private readonly name: string,
  ) {}

  async run(): Promise<void> {
    for (let round = 0; !this.#stopped; round++) {
      const events = Array.from({ length: 20 }, (_, index) => this.#event(`${this.name}-${round}-${index}`, index));
      while ((await this.#post(events)) >= 300) await pause(100);
      for (const { event_id } of events) this.accepted.add(event_id);
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  async #post(events: object[]): Promise<number> {
    const { status } = await this.client.call('POST', '/api/v1/events', events);
    if (status >= 300) this.refusals.push(status);
    return status;
  }

  #event(id: string, host: number) {
    const raw_data = { metric: 'heat', value: 95, dimensions: { host: `${this.name}-${host}` } };
    return { event_id: id, event_type: 'metric', bk_biz_id: '2', event_source: this.name, timestamp: Date.now(), raw_data };
  }
}

describe('a broker in trouble', () => {
  const open: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });

  const aBroker = async (dataDir: string) => {
    const broker = await startKafka({ dataDir });
    open.push(() => broker.stop());
    return broker;
  };
  const aTocsin = async (brokers: string): Promise<Running> => {
    const schema = await aMysql();
    open.push(() => schema.close());
    const settings = {
      ...quickly,
      TOPIC_PARTITIONS: '3',
      KAFKA_SESSION_TIMEOUT_MS: '6000',
      KAFKA_HEARTBEAT_INTERVAL_MS: '500',
      PUBLISH_TIMEOUT_MS: '3000',
    };
    const running = await serve(parseConfig({ ...settings, KAFKA_BROKERS: brokers, DATABASE_URL: schema.url }));
    open.push(() => running.close());
    return running;
  };
  const idsInLog = async (log: EventLog): Promise<Map<string, number>> => {
    const ids = new Map<string, number>();
    for (const { partition, low, high } of await log.offsets('raw_events')) {
      for await (const records of log.read({ topic: 'raw_events', partition }, low, high)) {
        for (const { value } of records) {
          const record = JSON.parse(value!.toString()) as { events?: { event_id: string }[]; event_id: string };
          for (const { event_id } of record.events ?? [record]) ids.set(event_id, (ids.get(event_id) ?? 0) + 1);
        }
      }
    }
    return ids;
  };
  /** Everything is read, and every host that was accepted has its one alert. */
  const settled = async (running: Running, client: Client, senders: readonly Sender[]): Promise<void> => {
    const consumers = running.app.get(Consumers);
    await eventually(
      async () => {
        const states = consumers.states();
        const lags = await Promise.all(
          (await running.app.get(EventLog).offsets('raw_events')).map(async ({ high, partition }) => {
            const claim = consumers
              .find('detect')
              ?.claims()
              .find((each) => each.partition === partition);
            return claim ? high - claim.position : Infinity;
          }),
        );
        return states.every(({ status }) => status === 'running') && lags.every((lag) => lag <= 1);
      },
      'Detect has read everything',
      60_000,
    );
    await eventually(async () => (await client.alerts('?limit=1000')).length === senders.length * 20, 'an alert for every host', 60_000);
  };

  it('that is killed and comes back loses no event that was taken, and no alert', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tocsin-broker-'));
    open.push(() => rmSync(folder, { recursive: true, force: true }));
    const broker = await aBroker(folder);
    const running = await aTocsin(broker.brokers);
    const client = new Client(running.url);
    await client.post('/api/v1/strategies', strategy);
    const senders = ['a', 'b', 'c'].map((name) => new Sender(client, name));
    const sending = senders.map((sender) => sender.run());
    const more = async (): Promise<void> => {
      const before = senders.map(({ accepted }) => accepted.size);
      await eventually(() => senders.every(({ accepted }, index) => accepted.size > before[index]! + 100), 'events are taken', 60_000);
    };
    await more();
    for (let kill = 0; kill < 2; kill++) {
      await broker.kill();
      await eventually(() => senders.every(({ refusals }) => refusals.length > kill), 'senders are told to come again', 30_000);
      await broker.restart();
      await more();
    }
    for (const sender of senders) sender.stop();
    await Promise.all(sending);
    expect(new Set(senders.flatMap(({ refusals }) => refusals))).toEqual(new Set([503]));
    await settled(running, client, senders);
    const logged = await idsInLog(running.app.get(EventLog));
    expect(senders.flatMap(({ accepted }) => [...accepted].filter((id) => !logged.has(id)))).toEqual([]);
  }, 240_000);

  it('whose disk is full makes senders wait, and nothing that was taken is lost', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tocsin-broker-'));
    const sized = (size: string, ...options: string[]) =>
      execFileSync('mount', ['-t', 'tmpfs', '-o', [...options, `size=${size}`].join(','), 'tmpfs', folder]);
    sized('80m');
    open.push(() => {
      execFileSync('umount', ['-l', folder]);
      rmSync(folder, { recursive: true, force: true });
    });
    const broker = await aBroker(folder);
    const running = await aTocsin(broker.brokers);
    const client = new Client(running.url);
    await client.post('/api/v1/strategies', strategy);
    const senders = ['a', 'b'].map((name) => new Sender(client, name));
    const sending = senders.map((sender) => sender.run());
    await fill(broker.brokers);
    await eventually(() => senders.every(({ refusals }) => refusals.length > 0), 'senders are told to come again', 60_000);
    expect((await client.get('/health/ready')).status).toBe(503);
    expect((await client.get('/health/live')).status).toBe(200);
    sized('400m', 'remount');
    await broker.restart();
    const before = senders.map(({ accepted }) => accepted.size);
    await eventually(() => senders.every(({ accepted }, index) => accepted.size > before[index]! + 100), 'events are taken again', 60_000);
    for (const sender of senders) sender.stop();
    await Promise.all(sending);
    expect(new Set(senders.flatMap(({ refusals }) => refusals))).toEqual(new Set([503]));
    await settled(running, client, senders);
    const logged = await idsInLog(running.app.get(EventLog));
    expect(senders.flatMap(({ accepted }) => [...accepted].filter((id) => !logged.has(id)))).toEqual([]);
  }, 240_000);

  describe('with delayed metadata', () => {
    let late: Awaited<ReturnType<typeof aBrokerThatHearsLate>>;
    let log: KafkaLog;
    beforeEach(async () => {
      late = await aBrokerThatHearsLate();
      const schema = await aMysql();
      open.push(() => schema.close());
      log = new KafkaLog(schema.database, parseConfig({ ...quickly, KAFKA_BROKERS: late.brokers, DATABASE_URL: schema.url }));
      open.push(() => log.close());
      await log.connect();
    }, 120_000);

    /** What the controller grants from now on, the broker does not hear of before the proxy is told to release. */
    const deafen = async (): Promise<void> => {
      late.proxy.hold(FETCH);
      await eventually(() => late.proxy.held > 0, 'the broker asks what its controller has decided');
    };
    const settings = async (): Promise<string[]> => {
      const configNames = ['max.message.bytes', 'retention.ms'];
      const { resources } = await late.controller.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: 2, name: 'raw_events', configNames }],
      });
      return resources[0]!.configEntries.toSorted((a, b) => (a.configName < b.configName ? -1 : 1)).map(({ configValue }) => configValue);
    };

    it('of a new topic is awaited by the request that creates it (O5)', async () => {
      await deafen();
      let isThere = false;
      const creating = log.ensureTopics([{ name: 'raw_events', partitions: 2 }]).then(() => (isThere = true));
      await eventually(async () => (await late.controller.listTopics()).includes('raw_events'), 'the controller grants the topic');
      await pause(500);
      expect(isThere).toBe(false);
      late.proxy.release();
      await creating;
      expect(await log.partitions('raw_events')).toBe(2);
    }, 120_000);

    it('of a topic configuration is awaited by the request that changes it, and does not revert a concurrent change (O5)', async () => {
      await log.ensureTopics([{ name: 'raw_events', partitions: 2 }]);
      await deafen();
      let done = 0;
      const set = (name: string, value: string) => log.topics.configure('raw_events', { [name]: value }).then(() => done++);
      const setting = [set('retention.ms', '7200000'), set('max.message.bytes', '100000')];
      await eventually(async () => (await settings()).join() === '100000,7200000', 'the controller grants both settings');
      await pause(500);
      expect(done).toBe(0);
      late.proxy.release();
      await Promise.all(setting);
      expect(await settings()).toEqual(['100000', '7200000']);
      await expect(log.topics.configure('absent', { 'retention.ms': '7200000' })).rejects.toMatchObject({ code: 'T7005' });
      await expect(log.topics.configure('raw_events', { 'retention.ms': 'long' })).rejects.toMatchObject({ code: 'T7004' });
    }, 120_000);
  });

  /** The second of two brokers, which learns what its controller has decided through a proxy. */
  async function aBrokerThatHearsLate() {
    const [port, controllerPort, latePort] = [await freePort(), await freePort(), await freePort()];
    const proxy = new KafkaProxy(controllerPort);
    open.push(() => proxy.close());
    const through = await proxy.listen();
    const clusterId = 'TocsinHearsOfThemLate1';
    const advertised = `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${through}`;
    const first = await startKafka({ port, controllerPort, clusterId, properties: { 'advertised.listeners': advertised } });
    open.push(() => first.stop());
    const itself = { 'process.roles': 'broker', 'node.id': 2, listeners: `PLAINTEXT://127.0.0.1:${latePort}` };
    const voters = { 'controller.quorum.voters': `1@127.0.0.1:${through}` };
    const advertisedLate = { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${latePort}` };
    const second = await startKafka({ port: latePort, controllerPort, clusterId, properties: { ...itself, ...voters, ...advertisedLate } });
    open.push(() => second.stop());
    const atFirst = new ForeignCluster({ brokers: [first.brokers] });
    open.push(() => atFirst.close());
    return { brokers: second.brokers, proxy, controller: await atFirst.admin() };
  }
});

/** Writes into a topic of somebody else until the broker can take no more. */
async function fill(brokers: string): Promise<void> {
  const kafka = new kafkajs.Kafka({ brokers: brokers.split(','), logLevel: kafkajs.logLevel.NOTHING, retry: { retries: 1 } });
  const admin = kafka.admin();
  const producer = kafka.producer({ retry: { retries: 0 } });
  await admin.connect();
  await createTopic(admin, { topic: 'others', numPartitions: 1 });
  await producer.connect();
  const value = Buffer.alloc(500_000, 'x');
  try {
    for (let count = 0; count < 1000; count++) await producer.send({ topic: 'others', messages: [{ value }] });
    throw new Error('the disk is not full');
  } catch (error) {
    if (!(error instanceof kafkajs.KafkaJSError)) throw error;
  } finally {
    await producer.disconnect().catch(() => undefined);
    await admin.disconnect().catch(() => undefined);
  }
}
