import { randomBytes } from 'node:crypto';
import { commitPolicyOf, parseCommitPolicies } from '../../src/shared/commit-policy.js';
import { CursorRepository } from '../../src/log/cursor.repository.js';
import { kafkaClient } from '../../src/log/kafka/connection/kafka-client.client.js';
import type { GroupConsumer } from '../../src/log/event-log.js';
import { deadLetterTopic } from '../../src/topics.js';
import { aConsumerApp, aNoteTopic, type ConsumerApp } from '../support/consumer-app.js';
import { eventually } from '../support/eventually.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { anAdmin } from '../support/foreign-cluster.js';
import { aKafkaLog, type TestLog } from '../support/logs.js';
import { RecordingListener } from '../support/recording-listener.js';
import { startKafka } from '../support/servers/kafka.mjs';
import { freePort } from '../support/servers/processes.mjs';

const texts = (count: number): string[] => Array.from({ length: count }, (_, index) => `v${index}`);

describe('a member of a consumer group on Kafka', () => {
  let test: TestLog;
  const run = randomBytes(4).toString('hex');
  let number = 0;
  const open: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    test = await aKafkaLog({ KAFKA_FETCH_MAX_WAIT_MS: '100', KAFKA_MAX_PARTITION_FETCH_BYTES: '100000', KAFKA_COMPRESSION: 'none' });
  });
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });
  afterAll(() => test.close());

  const aTopic = async (partitions = 1): Promise<string> => {
    // The test of transactions looks for it by this part of its name.
    const topic = `consumed-${run}-${number++}`;
    await test.eventLog.ensureTopics([topic, deadLetterTopic(topic)].map((name) => ({ name, partitions })));
    return topic;
  };
  const publish = (topic: string, values: readonly string[]): Promise<void> =>
    test.eventLog.publish(
      topic,
      values.map((value) => ({ key: null, value, partition: 0 })),
    );
  const subscribe = async (group: string, topic: string, policy = 'batch', maxRecords = 500) => {
    const listener = new RecordingListener();
    listener.onBatch = ({ records }, control) => control.commit(records.at(-1)!.offset + 1);
    const commits = commitPolicyOf(parseCommitPolicies(policy), group);
    const consumer = await test.eventLog.subscribe({ group, topics: [topic], maxRecords, listener, commits });
    open.push(() => consumer.stop());
    return { consumer, listener };
  };
  const committed = async (group: string, topic: string): Promise<number | undefined> => (await test.eventLog.committed(group, topic)).get(0);

  it('is called by its group and its instance, as every tool of Kafka shows, and begins with the oldest record (C1)', async () => {
    const topic = await aTopic();
    await publish(topic, texts(3));
    const { listener } = await subscribe('named', topic);
    await listener.received(3);
    const members = await test.eventLog.members('named');
    expect(members).toHaveLength(1);
    expect(members[0]!.client).toMatch(/named-instance-0$/);
    expect(listener.records[0]!.offset).toBe(0);
  });

  it('limits the bytes per partition and fetch, and the records per batch (C5)', async () => {
    const topic = await aTopic();
    // Each of these is a record batch of its own, which the broker hands out whole.
    for (let index = 0; index < 20; index++) await publish(topic, [randomBytes(15_000).toString('hex')]);
    await publish(topic, texts(50));
    const { listener } = await subscribe('bounded', topic, 'batch', 20);
    await listener.received(70);
    const sizes = listener.batches.map(({ records }) => records.reduce((sum, { value }) => sum + value!.length, 0));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(100_000);
    expect(Math.max(...listener.batches.map(({ records }) => records.length))).toBeLessThanOrEqual(20);
    expect(listener.values().slice(20)).toEqual(texts(50));
  });

  it('sees what a transaction has committed and nothing else, and takes its markers for no gap (C5)', async () => {
    const topic = aNoteTopic(await aTopic());
    const seen: string[] = [];
    const app = await aConsumerApp({ database: test.database, eventLog: test.eventLog }, topic, { group: 'isolated' }, (batch) => {
      seen.push(...batch.records.map(({ message }) => message.id));
      return Promise.resolve();
    });
    open.push(() => app.close());
    const kafka = kafkaClient({ brokers: process.env['KAFKA_BROKERS']!.split(',') }, 'transactions');
    const producer = kafka.producer({ transactionalId: `tx-${Math.random()}`, idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    open.push(() => producer.disconnect());
    const physical = await physicalName(topic.name);
    const note = (id: string) => ({ value: JSON.stringify({ id }), partition: 0 });
    const transaction = async (ids: readonly string[], end: 'commit' | 'abort'): Promise<void> => {
      const running = await producer.transaction();
      await running.send({ topic: physical, messages: ids.map(note) });
      await running[end]();
    };
    await transaction(['a', 'b'], 'commit');
    await transaction(['x', 'y'], 'abort');
    await transaction(['c'], 'commit');
    const undecided = await producer.transaction();
    await undecided.send({ topic: physical, messages: [note('d')] });
    await eventually(() => seen.length >= 3, 'what was committed');
    await publish(topic.name, [JSON.stringify({ id: 'e' })]);
    expect(seen).toEqual(['a', 'b', 'c']);
    await undecided.commit();
    await eventually(() => seen.length >= 5, 'the rest');
    expect(seen).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(app.server.state()?.problem).toBeUndefined();
  });

  const physicalName = async (topic: string): Promise<string> => {
    const admin = anAdmin({ brokers: process.env['KAFKA_BROKERS']!.split(',') });
    await admin.connect();
    try {
      return (await admin.listTopics()).find((name) => name.endsWith(`.${topic}`))!;
    } finally {
      await admin.disconnect();
    }
  };

  it('commits to the broker after N records, and the rest on shutdown (C6)', async () => {
    const topic = await aTopic();
    const { consumer, listener } = await subscribe('by-records', topic, 'records:10');
    await publish(topic, texts(6));
    await listener.received(6);
    await publish(topic, texts(6));
    await listener.received(12);
    await eventually(async () => (await committed('by-records', topic)) === 12, 'the commit after ten records');
    await publish(topic, texts(3));
    await listener.received(15);
    expect(await committed('by-records', topic)).toBe(12);
    await consumer.stop();
    expect(await committed('by-records', topic)).toBe(15);
  });

  it('commits to the broker after N ms, and immediately on a rebalance (C6)', async () => {
    const topic = await aTopic(2);
    const soon = await subscribe('by-time', topic, 'ms:200');
    await publish(topic, texts(5));
    await eventually(async () => (await committed('by-time', topic)) === 5, 'the commit by time');
    await soon.consumer.stop();
    const late = await subscribe('by-rebalance', topic, 'ms:600000');
    await late.listener.received(5);
    expect(await committed('by-rebalance', topic)).toBeUndefined();
    const log = await test.another();
    const second = await log.subscribe({ group: 'by-rebalance', topics: [topic], maxRecords: 10, listener: new RecordingListener() });
    open.push(() => second.stop());
    await eventually(async () => (await committed('by-rebalance', topic)) === 5, 'the commit at the rebalance');
  });

  it('never commits an offset ahead of the database, whatever the handler does (C6)', async () => {
    const topic = aNoteTopic(await aTopic());
    let calls = 0;
    const app: ConsumerApp = await aConsumerApp(
      { database: test.database, eventLog: test.eventLog, config: { BATCH_RECORDS: 5 } },
      topic,
      { group: 'behind' },
      async () => {
        await test.database.execute("UPDATE stream_cursor SET owner = owner WHERE topic = 'none'");
        if (++calls % 3 === 0) throw new Error('not this time');
      },
    );
    open.push(() => app.close());
    await publish(
      topic.name,
      texts(100).map((id) => JSON.stringify({ id })),
    );
    const cursors = app.app.get(CursorRepository);
    let ahead = 0;
    const told = async (): Promise<boolean> => {
      const log = (await committed('behind', topic.name)) ?? 0;
      const database = (await cursors.read('behind', { topic: topic.name, partition: 0 }))?.nextOffset ?? 0;
      if (log > database) ahead++;
      return log === 100;
    };
    await eventually(told, 'all of it');
    expect(ahead).toBe(0);
    expect(calls).toBeGreaterThan(20);
  });

  describe('whose commits get lost', () => {
    let broker: Awaited<ReturnType<typeof startKafka>>;
    let proxy: FaultProxy;
    let lossy: TestLog;
    beforeAll(async () => {
      const port = await freePort();
      proxy = new FaultProxy('127.0.0.1', port);
      const through = await proxy.listen();
      broker = await startKafka({ port, properties: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${through}` } });
      lossy = await aKafkaLog({ KAFKA_BROKERS: `127.0.0.1:${through}`, KAFKA_FETCH_MAX_WAIT_MS: '100' });
    }, 120_000);
    afterAll(async () => {
      await lossy.close();
      proxy.close();
      await broker.stop();
    });

    it('commits the newest position, and never an older one after a newer one (C7)', async () => {
      const sent: number[] = [];
      let losing = false;
      const watch = (): void =>
        proxy.swallowAnswerTo((request) => {
          const offsets = committedIn(request);
          sent.push(...offsets);
          const lost = losing && offsets.length > 0;
          losing &&= !lost;
          if (lost) queueMicrotask(watch);
          return lost;
        });
      watch();
      await lossy.eventLog.ensureTopics([{ name: 'lossy', partitions: 1 }]);
      const listener = new RecordingListener();
      let consumer: GroupConsumer | undefined = undefined;
      const noting = (next: number): void => consumer?.commit({ topic: 'lossy', partition: 0 }, next);
      listener.onBatch = ({ records }) => noting(records.at(-1)!.offset + 1);
      consumer = await lossy.eventLog.subscribe({ group: 'lossy', topics: ['lossy'], maxRecords: 2, listener });
      for (let round = 0; round < 4; round++) {
        const lost = proxy.swallowed;
        losing = true;
        await lossy.eventLog.publish(
          'lossy',
          texts(20).map((value) => ({ key: null, value, partition: 0 })),
        );
        await listener.received((round + 1) * 20);
        await eventually(() => proxy.swallowed > lost, 'a lost answer to a commit');
      }
      await eventually(async () => (await lossy.eventLog.committed('lossy', 'lossy')).get(0) === 80, 'the newest position');
      await consumer.stop();
      expect(sent).toEqual([...sent].sort((a, b) => a - b));
      expect(listener.values()).toHaveLength(80);
      expect((await lossy.eventLog.committed('lossy', 'lossy')).get(0)).toBe(80);
    });
  });
});

const OFFSET_COMMIT = 8;

/** The offsets in the OffsetCommit requests (one partition each, no metadata) of a chunk of whole frames. */
function committedIn(chunk: Buffer): number[] {
  const offsets: number[] = [];
  for (let start = 0; start + 8 <= chunk.length;) {
    const end = start + 4 + chunk.readInt32BE(start);
    // The request ends with the offset, the leader's epoch where there is one, and the length of the metadata.
    if (chunk.readInt16BE(start + 4) === OFFSET_COMMIT && end <= chunk.length) offsets.push(Number(chunk.readBigInt64BE(end - 10)));
    start = end;
  }
  return offsets;
}
