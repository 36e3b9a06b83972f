import { parseConfig } from '../../src/config.js';
import { CursorRepository } from '../../src/log/cursor.repository.js';
import { tailQuery } from '../../src/ops/tail/tail-query.js';
import { TailService } from '../../src/ops/tail/tail.service.js';
import { TopicsService } from '../../src/ops/topics/topics.service.js';
import { eventually } from '../support/eventually.js';
import { aGrowth } from '../support/growth.js';
import { KafkaProxy } from '../support/kafka-proxy.js';
import { kinds, type Question } from '../support/kafka-refusal.js';
import { aKafkaLog, type TestKafkaLog } from '../support/logs.js';
import { RecordingListener } from '../support/recording-listener.js';
import { startKafka, startKafkaCluster } from '../support/servers/kafka.mjs';
import { freePort } from '../support/servers/processes.mjs';
import { AuditService } from '../../src/database/audit.service.js';
import { person } from '../../src/shared/actor.js';
import { parseRequest } from '../../src/shared/parse.js';

const config = parseConfig({ KAFKA_BROKERS: 'x:1', DATABASE_URL: 'mysql://x/x' });

/** The broker is not, or not yet, the leader of the partition. */
const NOT_LEADER = 6;
/** The coordinator loads the group; is not there yet; is elsewhere. */
const [LOADING, NO_COORDINATOR, NOT_COORDINATOR] = [14, 15, 16] as const;
const UNSETTLED = [LOADING, NO_COORDINATOR, NOT_COORDINATOR];
/** Passes by itself, but says nothing of coordinators. */
const TIMED_OUT = 7;

/** Refuses the first questions of each kind about each topic and group, as brokers do that have only just been told what they lead. */
function atFirst(times: number): (asked: Question) => number {
  const refused = new Map<string, number>();
  return ({ kind, partitions, groups }) => {
    const names = groups.length > 0 ? groups : [...partitions.keys()];
    const name = `${kind} ${names.join()}`;
    const before = refused.get(name) ?? 0;
    refused.set(name, before + 1);
    if (before >= times) return 0;
    if (kind === kinds.FIND_COORDINATOR) return NO_COORDINATOR;
    return kind <= kinds.LIST_OFFSETS ? NOT_LEADER : UNSETTLED[before % UNSETTLED.length]!;
  };
}

const NOW = Date.UTC(2026, 10, 20, 12);

describe('a cluster that is settling', () => {
  let proxy: KafkaProxy;
  let test: TestKafkaLog;
  const open: (() => Promise<void> | void)[] = [];
  let number = 0;
  beforeAll(async () => {
    const [port, controllerPort] = [await freePort(), await freePort()];
    proxy = new KafkaProxy(port);
    open.push(() => proxy.close());
    const through = await proxy.listen();
    const advertised = `PLAINTEXT://127.0.0.1:${through},CONTROLLER://127.0.0.1:${controllerPort}`;
    const broker = await startKafka({ port, controllerPort, properties: { 'advertised.listeners': advertised } });
    open.push(() => broker.stop());
    test = await aKafkaLog({ KAFKA_BROKERS: `127.0.0.1:${through}` });
    open.push(() => test.close());
  });
  afterAll(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });
  afterEach(() => proxy.refuse(() => 0));

  const aTopic = async (partitions = 2): Promise<string> => {
    const topic = `settling-${number++}`;
    await test.eventLog.ensureTopics([{ name: topic, partitions }]);
    await test.eventLog.publish(
      topic,
      Array.from({ length: partitions * 5 }, (_, index) => ({ key: null, value: `v${index}`, partition: index % partitions })),
    );
    return topic;
  };

  it('reads start and end offsets of partitions whose leaders were just elected (O3)', async () => {
    const topic = await aTopic();
    proxy.refuse(atFirst(3));
    const { records, errors } = await new TailService(test.eventLog, config).tail(topic, parseRequest(tailQuery, { n: '20' }));
    expect(errors).toEqual([]);
    expect(records).toHaveLength(10);
    proxy.refuse(atFirst(3));
    const [state] = await test.eventLog.topics.describe([topic]);
    expect(state!.partitions.map(({ low, high }) => [low, high])).toEqual(Array(2).fill([0, 5]));
    proxy.refuse(atFirst(3));
    expect(await test.eventLog.offsets(topic)).toEqual([0, 1].map((partition) => ({ partition, low: 0, high: 5 })));
  });

  it('reads and resets committed offsets while the coordinator loads, moves, or does not exist yet (C10)', async () => {
    const topic = await aTopic();
    proxy.refuse(atFirst(3));
    await test.eventLog.setCommitted('mover', topic, new Map([[0, 3]]));
    proxy.refuse(atFirst(3));
    expect(await test.eventLog.committed('mover', topic)).toEqual(new Map([[0, 3]]));
    const listener = new RecordingListener();
    proxy.refuse(() => 0);
    const consumer = await test.eventLog.subscribe({ group: 'mover', topics: [topic], maxRecords: 10, listener });
    await listener.received(10);
    proxy.refuse(atFirst(3));
    expect(await test.eventLog.members('mover')).toMatchObject([{ partitions: [{ topic }, { topic }] }]);
    await consumer.stop();
    proxy.refuse(atFirst(3));
    expect((await test.eventLog.topics.groups()).filter(({ stage }) => stage === 'mover')).toMatchObject([{ state: 'Empty', members: [] }]);
  });

  it('a member that cannot complete its join leaves no pending member in the group (C4)', async () => {
    const topic = await aTopic();
    const listener = new RecordingListener();
    const log = await test.another({ KAFKA_SESSION_TIMEOUT_MS: '120000' });
    let refusals = 0;
    proxy.refuse(({ kind }) => (kind === kinds.SYNC_GROUP && refusals++ === 0 ? TIMED_OUT : 0));
    const consumer = await log.subscribe({ group: 'haunted', topics: [topic], maxRecords: 10, listener });
    await listener.received(10);
    expect(refusals).toBeGreaterThan(1);
    expect(await log.members('haunted')).toHaveLength(1);
    await consumer.stop();
  });

  it('the broker rejects an offset reset of a group with active members, even if it is considered stopped (C10)', async () => {
    const topic = await aTopic();
    const listener = new RecordingListener();
    const consumer = await test.eventLog.subscribe({ group: 'running', topics: [topic], maxRecords: 10, listener });
    await listener.received(10);
    await expect(test.eventLog.setCommitted('running', topic, new Map([[0, 1]]))).rejects.toMatchObject({
      code: 'T7004',
      message: expect.stringContaining('the group has active members') as string,
    });
    await consumer.stop();
    await test.eventLog.setCommitted('running', topic, new Map([[0, 1]]));
    expect((await test.eventLog.committed('running', topic)).get(0)).toBe(1);
  });

  it('no partitions are added while the lag is unknown (O5)', async () => {
    await test.eventLog.ensureTopics(['alerts', 'alerts.dlq'].map((name) => ({ name, partitions: 2 })));
    const growth = aGrowth(test.database, test.eventLog);
    const request = { partitions: 4, dry_run: false, accept_disorder: false };
    proxy.refuse(({ kind }) => (kind === kinds.LIST_OFFSETS ? NOT_LEADER : 0));
    await expect(growth.expand('alerts', request, person('ann'), NOW)).rejects.toMatchObject({
      code: 'T6404',
      message: expect.stringContaining('partitions without leader: 0, 1') as string,
    });
    proxy.refuse(() => 0);
    expect(await growth.expand('alerts', request, person('ann'), NOW)).toMatchObject({ done: true, to: 4 });
  });
});

describe('a cluster of which a broker is away', () => {
  it('shows the partitions of the other leader, and reports the rest as unavailable (O3, O4)', async () => {
    const brokers = await startKafkaCluster(2);
    const test = await aKafkaLog({ KAFKA_BROKERS: brokers[0]!.brokers });
    try {
      await test.eventLog.ensureTopics([{ name: 'halved', partitions: 4 }]);
      await test.eventLog.publish(
        'halved',
        [0, 1, 2, 3].map((partition) => ({ key: null, value: `v${partition}`, partition })),
      );
      const led = async () => {
        const [state] = await test.eventLog.topics.describe(['halved']);
        return state!.partitions.map(({ leader, low, high }) => (leader === null ? null : [low, high]));
      };
      expect(await led()).toEqual(Array(4).fill([0, 1]));
      await brokers[1]!.stop();
      const leaderless = async () => (await led()).filter((each) => each === null).length;
      await eventually(async () => (await leaderless()) === 2, 'the other one to hear of it');
      expect((await led()).filter((each) => each !== null)).toEqual([
        [0, 1],
        [0, 1],
      ]);
      const { records, errors } = await new TailService(test.eventLog, config).tail('halved', parseRequest(tailQuery, {}));
      expect(records).toHaveLength(2);
      expect(errors.map(({ message }) => message)).toEqual(Array(2).fill('no broker available'));
      const topics = new TopicsService(test.eventLog, new CursorRepository(test.database, config), config, new AuditService(test.database));
      expect(await topics.get('halved')).toMatchObject({ records: 2 });
    } finally {
      await test.close();
      await Promise.all(brokers.map((broker) => broker.stop()));
    }
  });
});
