import type { Admin } from 'kafkajs';
import { type Config, parseConfig } from '../../src/config.js';
import { diagnose } from '../../src/ops/doctor/doctor.js';
import { examine } from '../../src/ops/doctor/examine.service.js';
import { tailQuery } from '../../src/ops/tail/tail-query.js';
import { TailService } from '../../src/ops/tail/tail.service.js';
import { deadLetterTopic, topics as contract } from '../../src/topics.js';
import { anAdmin, collected, ForeignCluster, testClusters } from '../support/foreign-cluster.js';
import { aKafkaLog, type TestKafkaLog } from '../support/logs.js';
import { startKafka } from '../support/servers/kafka.mjs';
import { parseRequest } from '../../src/shared/parse.js';

const PREFIX = 'traces.';
const texts = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => `v${from + index}`);

/** A cluster that nobody else uses, so that every group and topic on it is of what looks. */
describe('what only looks leaves no trace', () => {
  let kafka: Awaited<ReturnType<typeof startKafka>>;
  let test: TestKafkaLog;
  let admin: Admin;
  let config: Config;
  beforeAll(async () => {
    kafka = await startKafka();
    const own = { KAFKA_BROKERS: kafka.brokers, TOPIC_PREFIX: PREFIX, GROUP_PREFIX: PREFIX };
    test = await aKafkaLog(own);
    config = parseConfig({ ...own, DATABASE_URL: test.url, HTTP_PORT: '65535' });
    const names = Object.values(contract).flatMap(({ name }) => [name, deadLetterTopic(name)]);
    await test.eventLog.ensureTopics(names.map((name) => ({ name, partitions: 2 })));
    admin = anAdmin({ brokers: [kafka.brokers] });
    await admin.connect();
  }, 180_000);
  afterAll(async () => {
    await admin?.disconnect();
    await test?.close();
    await kafka?.stop();
  }, 60_000);

  /** Groups and topics that were there at any moment of the work. */
  const during = async (work: () => Promise<void>): Promise<string[]> => {
    const seen = new Set<string>();
    let over = false;
    const look = async () => {
      for (const { groupId } of (await admin.listGroups()).groups) seen.add(`group ${groupId}`);
      for (const topic of await admin.listTopics()) seen.add(`topic ${topic}`);
    };
    const looking = (async () => {
      while (!over) await look();
    })();
    await work().finally(() => (over = true));
    await looking;
    await look();
    return [...seen].sort();
  };
  const idle = () => during(() => Promise.resolve());

  it('the doctor changes nothing by looking (O9)', async () => {
    const before = await idle();
    const looks = during(async () => {
      expect(diagnose(await examine(config)).map(({ check }) => check)).toContain('topics.present');
    });
    expect(await looks).toEqual(before);
  });

  it('tail makes no group (O3)', async () => {
    await test.eventLog.publish(
      'raw_events',
      texts(0, 20).map((value, index) => ({ key: null, value, partition: index % 2 })),
    );
    const tail = new TailService(test.eventLog, config);
    const before = await idle();
    const looks = during(async () => {
      for (let round = 0; round < 5; round++) expect((await tail.tail('raw_events', parseRequest(tailQuery, { n: '20' }))).records).toHaveLength(20);
    });
    expect(await looks).toEqual(before);
  });

  it('the newest records of many partitions come quickly, and no group ever shows up (O3)', async () => {
    const foreign = new ForeignCluster({ brokers: [kafka.brokers] });
    const { clusters } = testClusters();
    const cluster = clusters.open(foreign.access, 'reader');
    const topic = await foreign.aTopic(24);
    for (let partition = 0; partition < 24; partition++) await foreign.send(topic, texts(0, 50), partition);
    const before = await idle();
    const looks = during(async () => {
      const newest = await Promise.all(
        (await cluster.offsets(topic)).map(({ partition, high }) => collected(cluster.read({ topic, partition }, high - 5, high))),
      );
      expect(newest.flat().map(({ value }) => String(value))).toEqual(Array.from({ length: 24 }, () => texts(45, 50)).flat());
    });
    expect(await looks).toEqual(before);
    await clusters.onApplicationShutdown();
    await foreign.close();
  });
});
