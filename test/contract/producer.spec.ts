import { readFileSync } from 'node:fs';
import type { Producer } from 'kafkajs';
import { AccessService } from '../../src/access/access.service.js';
import type { DegradeService } from '../../src/access/degrade/degrade.service.js';
import { encode, type EncodedEvent } from '../../src/access/envelope.js';
import { PublicationService } from '../../src/access/publication.service.js';
import { RateService } from '../../src/access/rate.service.js';
import { parseConfig } from '../../src/config.js';
import { kafkaClient } from '../../src/log/kafka/connection/kafka-client.client.js';
import { KafkaLog } from '../../src/log/kafka/kafka-log.client.js';
import { OutboxRelay } from '../../src/log/kafka/producer/outbox-relay.client.js';
import type { LogRecord } from '../../src/log/event-log.js';
import { PublishError } from '../../src/log/publish-error.js';
import { Publisher } from '../../src/log/publisher.service.js';
import type { Serializer } from '../../src/log/serializer.js';
import { PoisonError } from '../../src/shared/errors.js';
import type { RawEvent } from '../../src/topics.js';
import { aConsumerApp, aNoteTopic } from '../support/consumer-app.js';
import { aMysql, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { anAdmin, createTopic } from '../support/foreign-cluster.js';
import { KafkaProxy } from '../support/kafka-proxy.js';
import { takes } from '../support/logs.js';
import { freePort } from '../support/servers/processes.mjs';
import { startKafka } from '../support/servers/kafka.mjs';

/** A broker that can be reached directly, and through a proxy that loses what we tell it to lose. */
async function aProxiedBroker() {
  const [port, proxied] = [await freePort(), await freePort()];
  const proxy = new KafkaProxy(proxied);
  const through = await proxy.listen();
  const controllerPort = await freePort();
  const broker = await startKafka({
    port,
    controllerPort,
    properties: {
      listeners: `PLAINTEXT://127.0.0.1:${port},PROXIED://127.0.0.1:${proxied},CONTROLLER://127.0.0.1:${controllerPort}`,
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},PROXIED://127.0.0.1:${through}`,
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT',
    },
  });
  return { broker, proxy, direct: `127.0.0.1:${port}`, through: `127.0.0.1:${through}` };
}

/** A magic byte, the id of a schema, and the message, as registries have it. */
const registrySerializer: Serializer = {
  serialize: (topic, message) => registrySerializer.wrap(topic, JSON.stringify(message)),
  wrap: (_topic, json) => Buffer.concat([Buffer.from([0, 0, 0, 0, 7]), Buffer.from(json)]),
  deserialize: (_topic, bytes) => {
    if (bytes[0] !== 0 || bytes.readUInt32BE(1) !== 7) throw new PoisonError('T6003', 'unknown schema');
    return JSON.parse(bytes.toString('utf8', 5));
  },
};

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

const ids = (count: number, prefix = 'm'): string[] => Array.from({ length: count }, (_, index) => `${prefix}${String(index).padStart(6, '0')}`);

describe('the producer on a real Kafka', () => {
  let cluster: Awaited<ReturnType<typeof aProxiedBroker>>;
  let test: TestDatabase;
  let reader: KafkaLog;
  let number = 0;
  const open: KafkaLog[] = [];

  const aLog = (brokers: string, settings: Record<string, string> = {}): KafkaLog => {
    const log = new KafkaLog(
      test.database,
      parseConfig({ KAFKA_BROKERS: brokers, DATABASE_URL: process.env['DATABASE_URL'], INSTANCE_ID: `p${number++}`, ...settings }),
    );
    open.push(log);
    return log;
  };
  const aTopic = async (partitions = 1, configs: Record<string, string> = {}, topic = `produced-${number++}`): Promise<string> => {
    const admin = anAdmin({ brokers: [cluster.direct] });
    await admin.connect();
    const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
    await createTopic(admin, { topic, numPartitions: partitions, configEntries });
    await admin.disconnect();
    return topic;
  };
  const records = async (topic: string): Promise<(LogRecord & { partition: number })[]> => {
    const all = [];
    for (const { partition, low, high } of await reader.offsets(topic)) {
      for await (const batch of reader.read({ topic, partition }, low, high)) all.push(...batch.map((record) => ({ ...record, partition })));
    }
    return all;
  };
  /** Rows of the outbox: `pending` or `quarantined`. */
  const outbox = async (): Promise<string[]> =>
    (await test.database.query<{ is_quarantined: number }>("SELECT is_quarantined FROM outbox WHERE ordering_key = 'lane-x'")).map(
      ({ is_quarantined }) => (is_quarantined ? 'quarantined' : 'pending'),
    );
  const values = async (topic: string): Promise<string[]> => (await records(topic)).map(({ value }) => String(value));

  beforeAll(async () => {
    [cluster, test] = await Promise.all([aProxiedBroker(), aMysql()]);
    reader = aLog(cluster.direct);
  }, 120_000);
  afterEach(() => Promise.all(open.splice(1).map((log) => log.close())));
  afterAll(async () => {
    await reader.close();
    cluster.proxy.close();
    await Promise.all([cluster.broker.stop(), test.close()]);
  });

  /** Each caller publishes one record after the other under a key of its own; answers the ids that were confirmed. */
  const publishers = async (log: KafkaLog, topic: string, callers: number, each: number, between: (sent: number) => void): Promise<string[]> => {
    const confirmed: string[] = [];
    await Promise.all(
      ids(callers, 'key').map(async (key) => {
        for (const id of ids(each, `${key}:`)) {
          await log.publish(topic, [{ key, value: id }]);
          between(confirmed.push(id));
        }
      }),
    );
    return confirmed;
  };
  const exactlyInOrder = async (topic: string, confirmed: readonly string[]): Promise<void> => {
    const found = await values(topic);
    expect([...found].sort()).toEqual([...confirmed].sort());
    for (const key of new Set(confirmed.map((id) => id.split(':')[0]!))) {
      const own = found.filter((id) => id.startsWith(`${key}:`));
      expect(own).toEqual([...own].sort());
    }
  };

  it('loses and doubles nothing when answers are lost with their connection, and keeps the order (P1)', async () => {
    const topic = await aTopic(3);
    const log = aLog(cluster.through, { LINGER_MS: '1' });
    const before = cluster.proxy.lost;
    const confirmed = await publishers(log, topic, 20, 30, (sent) => sent % 100 === 0 && cluster.proxy.loseProduceAnswer('cut'));
    expect(confirmed).toHaveLength(600);
    await exactlyInOrder(topic, confirmed);
    expect(cluster.proxy.lost - before).toBeGreaterThanOrEqual(5);
  });

  it('loses and doubles nothing when a broker has gone silent after it took a batch (P1)', async () => {
    const topic = await aTopic();
    const log = aLog(cluster.through, { LINGER_MS: '1' });
    const confirmed = await publishers(log, topic, 10, 10, (sent) => sent === 30 && cluster.proxy.loseProduceAnswer('silence'));
    expect(confirmed).toHaveLength(100);
    await exactlyInOrder(topic, confirmed);
  });

  it('plain kafkajs with two sends in flight answers for a record that is not in the log, so the tests above can fail', async () => {
    const topic = await aTopic();
    const producer: Producer = kafkaClient({ brokers: [cluster.through] }, 'plain').producer({ idempotent: true, allowAutoTopicCreation: false });
    await producer.connect();
    const send = (value: string) => producer.send({ topic, messages: [{ key: null, value, partition: 0 }] });
    await send('warm');
    cluster.proxy.loseProduceAnswer('cut');
    await Promise.all([send('first'), send('second')]);
    await producer.disconnect();
    const found = await values(topic);
    expect(['first', 'second'].filter((value) => !found.includes(value))).toHaveLength(1);
  });

  it('a timed-out record is appended before later records, or never (P1)', async () => {
    const topic = await aTopic();
    const log = aLog(cluster.through, { LINGER_MS: '0', KAFKA_DELIVERY_TIMEOUT_MS: '1000' });
    await log.publish(topic, [{ key: 'k', value: 'first' }]);
    cluster.proxy.hold();
    await expect(log.publish(topic, [{ key: 'k', value: 'given up' }])).rejects.toMatchObject({ failure: 'timed out', records: [0] });
    cluster.proxy.pass();
    await eventually(
      async () => (await log.publish(topic, [{ key: 'k', value: 'later' }]).catch(() => 'not yet')) === undefined,
      'a broker that answers',
    );
    expect(cluster.proxy.held).toBe(1);
    cluster.proxy.release();
    await log.publish(topic, [{ key: 'k', value: 'last' }]);
    await eventually(async () => (await values(topic)).at(-1) === 'last', 'the last record');
    expect(await values(topic)).toEqual(['first', 'later', 'last']);
  });

  it('every record has its own promise, with partition and offset (P2)', async () => {
    const topic = await aTopic(4);
    const log = aLog(cluster.direct);
    const positions = await Promise.all(ids(500).map((id) => log.send(topic, { key: id, value: id })));
    const found = new Map((await records(topic)).map(({ partition, offset, value }) => [`${partition}/${offset}`, String(value)]));
    expect(positions.map(({ partition, offset }) => found.get(`${partition}/${offset}`))).toEqual(ids(500));
    expect(log.producing.records.get(topic)).toBe(500);
  });

  it('a record larger than the topic takes fails alone, and says so (P2)', async () => {
    const topic = await aTopic(1, { 'max.message.bytes': '10000' });
    const log = aLog(cluster.direct, { KAFKA_COMPRESSION: 'none' });
    const all = ids(40).map((id, index) => ({ key: null, value: index === 17 || index === 30 ? id.repeat(3000) : id }));
    const failure = await log.publish(topic, all).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(PublishError);
    expect(failure).toMatchObject({ failure: 'too large', records: [17, 30] });
    expect((failure as Error).message).toContain('MESSAGE_TOO_LARGE');
    expect(await values(topic)).toEqual(ids(40).filter((_, index) => index !== 17 && index !== 30));
    await expect(log.send(topic, { key: null, value: 'fits' })).resolves.toEqual({ partition: 0, offset: 38 });
    expect(log.producing.failures.get(`${topic} too_large`)).toBe(2);
  });

  it('records of many callers share batches, none larger than the limits; a full one does not wait for company (P3)', async () => {
    const topic = await aTopic();
    const log = aLog(cluster.direct, { LINGER_MS: '60000', KAFKA_BATCH_MESSAGES: '100', KAFKA_BATCH_BYTES: '8000', KAFKA_COMPRESSION: 'none' });
    const batches: { records: number; bytes: number }[] = [];
    log.producing.observer = { confirmed: () => undefined, batch: (_topic, count, bytes) => batches.push({ records: count, bytes }) };
    await Promise.all(ids(1000).map((id) => log.publish(topic, [{ key: null, value: id }])));
    const large = Promise.all(ids(50).map((id) => log.publish(topic, [{ key: null, value: id.repeat(100) }])));
    // What would wait for a minute leaves at once when the producer is closed.
    await Promise.all([large, log.close()]);
    expect(Math.max(...batches.map(({ records: count }) => count))).toBe(100);
    expect(batches.filter(({ records: count }) => count === 100).length).toBe(10);
    expect(Math.max(...batches.map(({ bytes }) => bytes))).toBeLessThanOrEqual(8000);
  });
  it('a full buffer makes callers wait, in order, and no longer than the delivery timeout (P3)', async () => {
    const topic = await aTopic();
    const log = aLog(cluster.through, { KAFKA_BUFFER_BYTES: '20000', LINGER_MS: '0' });
    await log.publish(topic, [{ key: 'k', value: 'first' }]);
    cluster.proxy.hold();
    const all = Promise.all(ids(100).map((id) => log.publish(topic, [{ key: 'k', value: id.padEnd(1000) }])));
    const late = log.publish(topic, [{ key: 'k', value: 'late' }], { timeoutMs: 500 }).catch((error: unknown) => error);
    expect(await late).toMatchObject({ failure: 'timed out' });
    expect(log.producing.buffers[0]!()).toBeLessThanOrEqual(20_000);
    expect(log.producing.waits).toBeGreaterThan(75);
    cluster.proxy.release();
    await all;
    expect((await values(topic)).map((value) => value.trim())).toEqual(['first', ...ids(100)]);
    expect(log.producing.buffers[0]!()).toBe(0);
  });

  it.each(codecs)('Kafka recompresses to %s what we wrote with any codec, and we read it (P4)', async (ofTopic) => {
    const topic = await aTopic(1, { 'compression.type': ofTopic === 'none' ? 'uncompressed' : ofTopic });
    for (const codec of codecs) {
      const log = aLog(cluster.direct, { KAFKA_TOPIC_COMPRESSION: `${topic}=${codec}`, KAFKA_COMPRESSION: 'none' });
      await log.publish(
        topic,
        ids(300, codec).map((id) => ({ key: id, value: JSON.stringify({ id, text: '业务 business '.repeat(20) }) })),
      );
    }
    const found = (await values(topic)).map((value) => (JSON.parse(value) as { id: string }).id);
    expect(found).toEqual(codecs.flatMap((codec) => ids(300, codec)));
  });

  it('a topic is compressed as its exception says, the others as the default (P4)', async () => {
    const topics = [await aTopic(), await aTopic()];
    const log = aLog(cluster.direct, { KAFKA_COMPRESSION: 'none', KAFKA_TOPIC_COMPRESSION: `${topics[1]}=zstd` });
    const sizes = new Map<string, number>();
    log.producing.observer = { confirmed: () => undefined, batch: (topic, _count, bytes) => sizes.set(topic, bytes) };
    for (const topic of topics) await log.publish(topic, [{ key: null, value: 'all the same '.repeat(500) }]);
    await eventually(() => sizes.size === 2, 'two batches');
    expect(sizes.get(topics[0]!)).toBeGreaterThan(6500);
    expect(sizes.get(topics[1]!)).toBeLessThan(200);
  });

  it('a record goes to the partition that Java would choose, or the client whose partitioner its topic has; without a key they take turns (P5)', async () => {
    const vectors = JSON.parse(readFileSync('test/vectors/partitioners.json', 'utf8')) as {
      key: string;
      java: number[];
      librdkafka: number[];
      sarama: number[];
    }[];
    const topics = { java: await aTopic(12), librdkafka: await aTopic(12), sarama: await aTopic(12) };
    const log = aLog(cluster.direct, { KAFKA_PARTITIONER: `${topics.librdkafka}=crc32,${topics.sarama}=fnv1a` });
    for (const client of ['java', 'librdkafka', 'sarama'] as const) {
      const sent = await Promise.all(vectors.map(({ key }) => log.send(topics[client], { key, value: 'x' })));
      expect(sent.map(({ partition }) => partition)).toEqual(vectors.map((vector) => vector[client][0]));
      expect(await log.partitionFor(topics[client], vectors[7]!.key)).toBe(vectors[7]![client][0]);
    }
    const keyless = await Promise.all(ids(24).map((value) => log.send(topics.java, { key: null, value })));
    expect(keyless.map(({ partition }) => partition).sort((a, b) => a - b)).toEqual(Array.from({ length: 24 }, (_, index) => Math.floor(index / 2)));
  });

  it('another serializer, such as that of a schema registry, writes and reads every message (P6)', async () => {
    const topic = aNoteTopic(await aTopic());
    const log = aLog(cluster.direct, { KAFKA_SESSION_TIMEOUT_MS: '6000' });
    log.serializer = registrySerializer;
    const seen: string[] = [];
    const { app, close } = await aConsumerApp({ database: test.database, eventLog: log }, topic, { group: topic.name }, (batch) => {
      seen.push(...batch.records.map(({ message }) => message.id));
      return Promise.resolve();
    });
    const lane = `lane-${topic.name}`;
    log.acquireOrderingKey(lane);
    await test.database.transaction(
      async () => {
        await test.database.begin();
        for (const id of ids(5)) app.get(Publisher).publish(topic, { id });
      },
      { orderingKey: lane },
    );
    await eventually(() => seen.length === 5, 'five messages');
    await close();
    expect(seen).toEqual(ids(5));
    const [first] = await records(topic.name);
    expect(first!.value!.subarray(0, 6)).toEqual(Buffer.from([0, 0, 0, 0, 7, 0x7b]));
  });

  it('an outbox record that exceeds max.message.bytes is quarantined with its bytes, does not block its ordering key, and is published once the limit is raised', async () => {
    const topic = await aTopic(1, { 'max.message.bytes': '2000' });
    const log = aLog(cluster.direct, { KAFKA_COMPRESSION: 'none' });
    const stage = async (all: readonly string[]): Promise<void> => {
      await test.database.transaction(async () => {
        await test.database.begin();
        await log.stage(
          all.map((value) => ({ topic, key: 'k', value })),
          'lane-x',
        );
      });
      log.staged();
    };
    log.acquireOrderingKey('lane-x');
    await stage(['one', 'x'.repeat(5000), 'two']);
    await eventually(async () => (await values(topic)).length === 2, 'the others');
    await stage(['three']);
    await eventually(async () => (await values(topic)).length === 3, 'the next');
    await eventually(async () => (await outbox()).join() === 'quarantined', 'nothing but what is quarantined');
    await log.topics.configure(topic, { 'max.message.bytes': '10000' });
    await takes(log, topic, 4000);
    log.releaseOrderingKey('lane-x');
    log.acquireOrderingKey('lane-x');
    await eventually(async () => (await values(topic)).length === 5, 'what was quarantined');
    expect((await values(topic)).map(({ length }) => length)).toEqual([3, 3, 5, 4000, 5000]);
    await eventually(async () => (await outbox()).length === 0, 'an empty outbox');
  });
  it('quarantined outbox rows are retried automatically, record by record, and keep their age', async () => {
    const log = aLog(cluster.direct);
    const published: string[] = [];
    let most = 100;
    const relay = new OutboxRelay(
      test.database,
      (_topic, all) => {
        const refused = all.flatMap(({ value }, index) => (value!.length > most ? [index] : []));
        published.push(...all.filter((_, index) => !refused.includes(index)).map(({ value }) => String(value)));
        return refused.length === 0 ? Promise.resolve() : Promise.reject(new PublishError('too large', 'MESSAGE_TOO_LARGE', refused));
      },
      50,
    );
    const [large, larger] = ['x'.repeat(1000), 'y'.repeat(2000)];
    await test.database.transaction(() =>
      log.stage(
        ['one', large, larger, 'two'].map((value) => ({ topic: 't', key: 'k', value })),
        'lane-x',
      ),
    );
    await test.database.transaction(() => test.database.execute("UPDATE outbox SET created_at = 7 WHERE ordering_key = 'lane-x'"));
    const waiting = async (): Promise<string> => {
      const found = await test.database.query<{ created_at: number; is_quarantined: number }>(
        "SELECT created_at, is_quarantined FROM outbox WHERE ordering_key = 'lane-x'",
      );
      return found.map(({ created_at, is_quarantined }) => `${is_quarantined ? 'quarantined' : 'pending'} since ${created_at}`).join();
    };
    const held = 'quarantined since 7';
    relay.acquire('lane-x');
    await eventually(async () => (await waiting()) === `${held},${held}`, 'two that are quarantined');
    most = 1000;
    await eventually(async () => (await waiting()) === held, 'one that is quarantined');
    most = 2000;
    await eventually(async () => (await waiting()) === '', 'an empty outbox');
    expect(published).toEqual(['one', 'two', large, larger]);
    await relay.close();
  });
  describe('behind Access', () => {
    const anEvent = (id: string, content: string): EncodedEvent => {
      const event = {
        event_id: id,
        event_type: 'event',
        bk_biz_id: '2',
        event_source: 's',
        timestamp: 1,
        raw_data: { name: 'n', content },
      } as unknown as RawEvent;
      return encode(event, 'bk_biz_id', 1e6) as EncodedEvent;
    };
    const aPublication = async (brokers: string, settings: Record<string, string>, configs: Record<string, string> = {}) => {
      const prefix = `access-${number++}.`;
      await aTopic(1, configs, `${prefix}raw_events`);
      const log = aLog(brokers, { TOPIC_PREFIX: prefix, KAFKA_COMPRESSION: 'none', ...settings });
      const config = parseConfig({ KAFKA_BROKERS: brokers, DATABASE_URL: process.env['DATABASE_URL'], ...settings });
      return { publication: new PublicationService(config, log), config, topic: `${prefix}raw_events` };
    };

    it('a sender gets a retryable status before its own timeout, long before the delivery timeout (P1)', async () => {
      const { publication } = await aPublication(cluster.through, { PUBLISH_TIMEOUT_MS: '700' });
      await publication.publish('events', [anEvent('warm', '')]);
      cluster.proxy.hold();
      const start = Date.now();
      await expect(publication.publish('events', [anEvent('held', '')])).rejects.toMatchObject({ code: 'T1201' });
      expect(Date.now() - start).toBeLessThan(10_000);
      cluster.proxy.release();
      await eventually(
        () =>
          publication.publish('events', [anEvent('again', '')]).then(
            () => true,
            () => false,
          ),
        'a log that confirms again',
      );
    });

    it('an event that the topic is too small for is refused for good, and its neighbours are taken although their envelope was too large (P2)', async () => {
      const { publication, topic } = await aPublication(cluster.direct, {}, { 'max.message.bytes': '3000' });
      const events = ids(60).map((id, index) => anEvent(id, index === 20 ? 'x'.repeat(5000) : ''));
      expect(await publication.publish('events', events)).toEqual([events[20]]);
      const found = (await values(topic)).map((value) => (JSON.parse(value) as RawEvent).event_id);
      expect(found).toEqual(ids(60).filter((_, index) => index !== 20));
      expect(publication.counts.accepted.events).toBe(59);
    });

    it('the receipt of a request names what the topic is too small for beside what else is wrong with it, and everything is counted (P2)', async () => {
      const { publication, topic, config } = await aPublication(cluster.direct, { EVENT_MAX_AGE_MS: '3600000' }, { 'max.message.bytes': '3000' });
      const access = new AccessService(config, publication, { check: () => undefined } as unknown as DegradeService, new RateService(config));
      const metric = (value: number, more: object = {}) => ({
        event_type: 'metric',
        bk_biz_id: '2',
        event_source: 's',
        raw_data: { metric: 'm', value },
        ...more,
      });
      const large = metric(0, { note: 'x'.repeat(5000) });
      const take = (items: readonly unknown[]) => access.ingestEvents({ body: Buffer.from(JSON.stringify(items)), business: undefined });
      const receipt = await take([metric(1), large, 7, metric(2, { timestamp: Date.now() - 7_200_000 }), metric(3)]);
      expect(receipt).toMatchObject({ accepted: 2, rejected: 2, dropped: { expired: 1 } });
      expect(receipt.errors.map(({ index, code }) => [index, code])).toEqual([
        [1, 'T1104'],
        [2, 'T1101'],
        [3, 'T1015'],
      ]);
      await expect(take([large, 7])).rejects.toMatchObject({ code: 'T1009', details: { accepted: 0, rejected: 2 } });
      const alert = (name: string, summary: string) => ({ labels: { alertname: name }, annotations: { summary } });
      const alerts = Buffer.from(JSON.stringify([alert('Large', 'x'.repeat(5000)), alert('Small', '')]));
      expect(await access.ingestAlerts({ body: alerts, business: undefined })).toEqual({
        status: 400,
        body: expect.stringMatching(/^alert 0: 5\d\d\d bytes exceed max\.message\.bytes of the topic$/) as string,
      });
      const found = (await values(topic))
        .map((value) => JSON.parse(value) as { events?: RawEvent[] } & RawEvent)
        .flatMap((each) => each.events ?? [each]);
      expect(found.map(({ raw_data }) => ('value' in raw_data ? raw_data.value : 'an alert'))).toEqual([1, 3, 'an alert']);
      expect(access.counts).toMatchObject({
        accepted: { events: 2, alertmanager: 1 },
        rejected: { T1104: 3, T1101: 2 },
        dropped: { expired: 1 },
        pending: 0,
      });
    });
  });
});
