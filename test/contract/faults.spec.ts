import { openMysql } from '../../src/database/connection.client.js';
import type { Database } from '../../src/database/database.client.js';
import type { Batch } from '../../src/log/consuming/batch.js';
import type { EventLog } from '../../src/log/event-log.js';
import { deadLetterTopic } from '../../src/topics.js';
import { aConsumerApp, aNoteTopic, type ConsumerApp, type Note } from '../support/consumer-app.js';
import { eventually } from '../support/eventually.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { aKafkaLog, type TestKafkaLog } from '../support/logs.js';

describe('faults on real servers', () => {
  let test: TestKafkaLog;
  let number = 0;
  const open: (() => Promise<void> | void)[] = [];
  beforeAll(async () => {
    test = await aKafkaLog();
    await test.database.writer.query(
      'CREATE TABLE effect (id VARCHAR(64) NOT NULL, who VARCHAR(64) NOT NULL, partition_no INT NOT NULL, at INT AUTO_INCREMENT PRIMARY KEY)',
    );
  });
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
    await test.database.writer.query('DELETE FROM effect');
  });
  afterAll(() => test.close());

  const aTopic = async (partitions = 1) => {
    const topic = aNoteTopic(`faulty-${number++}`);
    await test.eventLog.ensureTopics([topic.name, deadLetterTopic(topic.name)].map((name) => ({ name, partitions })));
    return topic;
  };
  const ids = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => `n${String(from + index).padStart(5, '0')}`);
  const publish = async (topic: string, all: readonly string[]): Promise<void> =>
    test.eventLog.publish(
      topic,
      all.map((id) => ({ key: id, value: JSON.stringify({ id }) })),
    );
  const store =
    (database: Database, who: string) =>
    (batch: Batch<Note>): Promise<void> =>
      database.insert(
        'effect',
        ['id', 'who', 'partition_no'],
        batch.records.map(({ message }) => [message.id, who, batch.partition]),
      );
  const effects = async (): Promise<{ id: string; who: string; partition_no: number }[]> =>
    test.database.query('SELECT id, who, partition_no FROM effect ORDER BY at');
  const start = async (topic: ReturnType<typeof aNoteTopic>, log: EventLog, database: Database, who: string): Promise<ConsumerApp> => {
    const config = { BATCH_RECORDS: 10, INSTANCE_ID: who, KAFKA_SESSION_TIMEOUT_MS: 6000 };
    const app = await aConsumerApp({ database, eventLog: log, config }, topic, { group: `g-${topic.name}` }, store(database, who));
    open.push(() => app.close());
    return app;
  };
  const exactly = async (expected: string[]): Promise<void> => {
    await eventually(async () => (await effects()).length >= expected.length, `${expected.length} effects`, 90_000);
    expect((await effects()).map(({ id }) => id).sort()).toEqual(expected);
  };

  async function aProxiedDatabase(): Promise<{ database: Database; proxy: FaultProxy }> {
    const url = new URL(test.url);
    const proxy = new FaultProxy(url.hostname, Number(url.port));
    url.port = String(await proxy.listen());
    url.hostname = '127.0.0.1';
    const database = await openMysql(url.href, 3);
    open.push(async () => {
      await database.close();
      proxy.close();
    });
    return { database, proxy };
  }

  it('applies a batch exactly once when the connection dies right after COMMIT was sent', async () => {
    const topic = await aTopic();
    const { database, proxy } = await aProxiedDatabase();
    await start(topic, test.eventLog, database, 'one');
    for (let round = 0; round < 5; round++) {
      proxy.swallowAnswerTo((request) => request.includes('COMMIT'));
      await publish(topic.name, ids(round * 10, round * 10 + 10));
      await eventually(() => proxy.swallowed > round, 'a lost answer');
    }
    await exactly(ids(0, 50));
  });

  it('recovers automatically after every database connection was cut', async () => {
    const topic = await aTopic();
    const { database, proxy } = await aProxiedDatabase();
    await start(topic, test.eventLog, database, 'one');
    for (let round = 0; round < 5; round++) {
      await publish(topic.name, ids(round * 10, round * 10 + 10));
      proxy.cut();
    }
    await exactly(ids(0, 50));
  });

  it('keeps order and exactness while replicas come and go', async () => {
    const topic = await aTopic(4);
    const first = await start(topic, test.eventLog, test.database, 'first');
    await publish(topic.name, ids(0, 200));
    await exactly(ids(0, 200));
    const second = await start(topic, await test.another(), test.database, 'second');
    await publish(topic.name, ids(200, 400));
    await eventually(() => second.server.claims().length === 2 && first.server.claims().length === 2, 'two partitions for each');
    await publish(topic.name, ids(400, 600));
    await exactly(ids(0, 600));
    expect(new Set((await effects()).map(({ who }) => who))).toEqual(new Set(['first', 'second']));
    await first.close();
    await publish(topic.name, ids(600, 700));
    await exactly(ids(0, 700));
    const all = await effects();
    for (const partition of [0, 1, 2, 3]) {
      const mine = all.filter(({ partition_no }) => partition_no === partition).map(({ id }) => id);
      expect(mine).toEqual([...mine].sort());
    }
  });

  it('a topic recreated under a running group halts the group, and no record is skipped', async () => {
    const topic = await aTopic();
    const app = await start(topic, test.eventLog, test.database, 'first');
    await publish(topic.name, ids(0, 50));
    await exactly(ids(0, 50));
    await test.recreate(topic.name);
    await publish(topic.name, ids(50, 60));
    await eventually(() => app.server.state()?.problem?.includes('T6102') ?? false, 'the group stops');
    expect((await effects()).length).toBe(50);
  });
});
