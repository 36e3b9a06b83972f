import { Logger } from '@nestjs/common';
import type { Cluster } from '../../src/log/cluster.js';
import type { TopicPartition } from '../../src/log/event-log.js';
import { eventually } from '../support/eventually.js';
import { ForeignCluster, testClusters } from '../support/foreign-cluster.js';
import { RecordingListener } from '../support/recording-listener.js';
import { startKafka, startKafkaCluster } from '../support/servers/kafka.mjs';
import { freePort } from '../support/servers/processes.mjs';

const texts = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => `v${from + index}`);
const allOf = (topic: string, partitions: number): TopicPartition[] => Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));

describe('clusters of other people', () => {
  const { clusters } = testClusters();
  let foreign: ForeignCluster;
  let cluster: Cluster;
  beforeAll(() => {
    foreign = new ForeignCluster({ brokers: process.env['KAFKA_BROKERS']!.split(',') });
    cluster = clusters.open(foreign.access, 'guest');
  });
  afterAll(async () => {
    await clusters.onApplicationShutdown();
    await foreign.close();
  });

  it('a pattern takes topics that come later, and lets go of those that vanish, while the others flow (C2)', async () => {
    const prefix = `p${Date.now()}`;
    const first = await foreign.aTopic(1, `${prefix}.a`);
    await foreign.aTopic(1, `${prefix}.a.not`);
    const listener = new RecordingListener();
    const pattern = new RegExp(`${prefix}\\.\\w+`);
    const consumer = cluster.subscribe({ group: `pattern-${prefix}`, topics: [], pattern, maxRecords: 100, listener });
    await foreign.send(first, ['a1']);
    await listener.received(1);
    const second = await foreign.aTopic(2, `${prefix}.b`);
    await foreign.send(second, ['b1'], 1);
    await listener.received(2);
    await foreign.send(first, ['a2']);
    await listener.received(3);
    expect(consumer.state().topics).toEqual([first, second]);
    await foreign.deleteTopic(second);
    await eventually(() => consumer.state().topics.length === 1, 'the topic to be let go');
    await foreign.send(first, ['a3']);
    await listener.received(4);
    await eventually(() => consumer.state().status === 'running' && consumer.state().problem === undefined, 'peace');
    await foreign.send(`${prefix}.a.not`, ['never']);
    await foreign.send(first, ['a4']);
    await listener.received(5);
    await consumer.stop();
    expect(listener.values()).toEqual(['a1', 'b1', 'a2', 'a3', 'a4']);
  });

  /** Replicas of one group and pattern, each on a cluster object of its own settings. */
  const replicasOf = (group: string, pattern: RegExp, opened: readonly Cluster[]) => {
    const replicas = opened.map((each) => {
      const listener = new RecordingListener();
      return { listener, consumer: each.subscribe({ group, topics: [], pattern, maxRecords: 100, listener }) };
    });
    const states = () => replicas.map(({ consumer }) => consumer.state());
    return {
      replicas,
      /** Which replica has which partition of these topics. */
      owners: (...topics: readonly string[]): string[] =>
        states()
          .flatMap(({ assigned }, index) =>
            assigned.filter(({ topic }) => topics.includes(topic)).map(({ topic, partition }) => `${topic}/${partition} ${index}`),
          )
          .sort(),
      settled: (topics: readonly string[], partitions: number): Promise<void> =>
        eventually(() => {
          const sizes = states().map(({ assigned }) => assigned.length);
          const balanced = Math.max(...sizes) - Math.min(...sizes) < 2 && sizes.reduce((sum, size) => sum + size) === partitions;
          return balanced && states().every((state) => state.status === 'running' && !state.paused.length && String(state.topics) === String(topics));
        }, `${partitions} partitions of ${topics.join()} shared by all`),
      handled: (): string[] => replicas.flatMap(({ listener }) => listener.values()),
      lost: (): TopicPartition[] => replicas.flatMap(({ listener }) => listener.revocations),
    };
  };
  const sendToAll = async (topic: string, partitions: number, value: string): Promise<void> => {
    for (const at of allOf(topic, partitions)) await foreign.send(topic, [`${value} to ${topic}/${at.partition}`], at.partition);
  };

  it('a topic that comes moves no partition of the others between replicas, even where one looks for topics hardly ever (C2, C4)', async () => {
    const prefix = `c${Date.now()}`;
    // Before the others in every order: whoever deals out anew comes to something else.
    const [first, a, b] = [`${prefix}.0`, await foreign.aTopic(2, `${prefix}.a`), await foreign.aTopic(3, `${prefix}.b`)];
    const seldom = testClusters({ KAFKA_METADATA_MAX_AGE_MS: '3600000' }).clusters.open(foreign.access, 'guest');
    const group = replicasOf(`coming-${prefix}`, new RegExp(`${prefix}\\.\\w+`), [cluster, seldom]);
    await group.settled([a, b], 5);
    const before = group.owners(a, b);
    await sendToAll(a, 2, 'before');
    await sendToAll(b, 3, 'before');
    await eventually(() => group.handled().length === 5, 'what was there before');
    const moved = group.lost().length;
    await foreign.aTopic(3, first);
    await sendToAll(a, 2, 'after');
    await sendToAll(b, 3, 'after');
    await sendToAll(first, 3, 'after');
    await group.settled([first, a, b], 8);
    expect(group.owners(a, b)).toEqual(before);
    expect(group.lost()).toHaveLength(moved);
    await eventually(() => group.handled().length >= 13, 'what came afterwards');
    expect(new Set(group.handled()).size).toBe(group.handled().length);
    await Promise.all([...group.replicas.map(({ consumer }) => consumer.stop()), seldom.close()]);
  });

  it('a topic that goes moves no partition of the others between replicas (C2, C4)', async () => {
    const prefix = `g${Date.now()}`;
    const [first, a, b] = [await foreign.aTopic(1, `${prefix}.0`), await foreign.aTopic(2, `${prefix}.a`), await foreign.aTopic(2, `${prefix}.b`)];
    const group = replicasOf(`going-${prefix}`, new RegExp(`${prefix}\\.\\w+`), [cluster, cluster]);
    await group.settled([first, a, b], 5);
    await sendToAll(a, 2, 'before');
    await sendToAll(b, 2, 'before');
    await eventually(() => group.handled().length === 4, 'what was there before');
    const [before, moved] = [group.owners(a, b), group.lost().length];
    await foreign.deleteTopic(first);
    await group.settled([a, b], 4);
    expect(group.owners(a, b)).toEqual(before);
    const lost = group.lost().slice(moved);
    expect(lost.filter(({ topic }) => topic !== first)).toEqual([]);
    await sendToAll(a, 2, 'after');
    await sendToAll(b, 2, 'after');
    await eventually(() => group.handled().length >= 8, 'what came afterwards');
    expect(new Set(group.handled()).size).toBe(group.handled().length);
    await Promise.all(group.replicas.map(({ consumer }) => consumer.stop()));
  });

  it('a topic that comes while a replica waits for the others to join is read as soon as they have (C2)', async () => {
    const followed: string[] = [];
    const note = (text: unknown): void => void followed.push(String(text));
    Logger.overrideLogger({ log: note, warn: note, error: note });
    const patient = testClusters({ KAFKA_SESSION_TIMEOUT_MS: '30000', KAFKA_REBALANCE_DRAIN_MS: '60000' }).clusters.open(foreign.access, 'guest');
    const prefix = `w${Date.now()}`;
    const first = await foreign.aTopic(2, `${prefix}.a`);
    const group = replicasOf(`waiting-${prefix}`, new RegExp(`${prefix}\\.\\w+`), [patient, patient]);
    await group.settled([first], 2);
    const [busy, waiting] = group.replicas;
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    let entered = false;
    busy!.listener.onBatch = () => ((entered = true), opened);
    await foreign.send(first, ['long'], busy!.consumer.state().assigned[0]!.partition);
    await eventually(() => entered, 'a batch that does not end');
    const second = await foreign.aTopic(2, `${prefix}.b`);
    await eventually(() => waiting!.consumer.state().topics.includes(second), 'the request to join');
    const third = await foreign.aTopic(2, `${prefix}.c`);
    await eventually(() => followed.filter((text) => text.includes(third)).length === 2, 'both to know the third topic');
    expect(waiting!.consumer.state()).toMatchObject({ status: 'rebalancing', topics: [first, second] });
    open();
    await group.settled([first, second, third], 6);
    Logger.overrideLogger(['error', 'warn', 'log']);
    await patient.close();
  });

  it('missing and deleted topics do not block existing ones; new partitions are consumed (C2)', async () => {
    const prefix = `m${Date.now()}`;
    const [here, late] = [await foreign.aTopic(1, `${prefix}.here`), `${prefix}.late`];
    const listener = new RecordingListener();
    const consumer = cluster.subscribe({ group: `missing-${prefix}`, topics: [here, late], maxRecords: 100, listener });
    await foreign.send(here, ['x']);
    await listener.received(1);
    expect(consumer.state().problem).toContain(`topics not found: ${late}`);
    await foreign.aTopic(1, late);
    await foreign.send(late, ['y']);
    await listener.received(2);
    await foreign.grow(here, 3);
    await foreign.send(here, ['z'], 2);
    await listener.received(3);
    consumer.pause({ topic: here, partition: 2 });
    await foreign.deleteTopic(late);
    await eventually(() => consumer.state().problem?.includes(late) ?? false, 'the deleted topic in the state');
    await foreign.send(here, ['held back'], 2);
    await foreign.send(here, ['after'], 0);
    await listener.received(4);
    consumer.resume({ topic: here, partition: 2 });
    await listener.received(5);
    await consumer.stop();
    expect(listener.values()).toEqual(['x', 'y', 'z', 'after', 'held back']);
  });

  it('a dead cluster says why and comes back by itself; a live one beside it does not notice (C17)', async () => {
    const port = await freePort();
    const dead = clusters.open({ brokers: [`127.0.0.1:${port}`] }, 'guest');
    const [waiting, joining, live] = [new RecordingListener(), new RecordingListener(), new RecordingListener()];
    const consumers = [
      dead.assign({ group: 'waiting', partitions: allOf('late', 1), maxRecords: 10, listener: waiting }),
      dead.subscribe({ group: 'joining', topics: ['late'], maxRecords: 10, listener: joining }),
    ];
    const topic = await foreign.aTopic();
    const beside = cluster.assign({ group: 'beside', partitions: allOf(topic, 1), maxRecords: 10, listener: live });
    for (const consumer of consumers) {
      await eventually(() => consumer.state().problem !== undefined, 'the problem');
      expect(consumer.state()).toMatchObject({ status: 'connecting', problem: expect.stringContaining(`${port}: connection refused`) as string });
    }
    await foreign.send(topic, ['alive']);
    await live.received(1);
    const kafka = await startKafka({ port });
    const owners = new ForeignCluster({ brokers: [kafka.brokers] });
    await owners.aTopic(1, 'late');
    await owners.send('late', ['first']);
    await Promise.all([waiting.received(1), joining.received(1)]);
    await kafka.restart();
    await owners.send('late', ['second']);
    await Promise.all([waiting.received(2), joining.received(2)]);
    await eventually(() => consumers.every((consumer) => consumer.state().problem === undefined), 'the end of the problems');
    expect([waiting.values(), joining.values()]).toEqual([
      ['first', 'second'],
      ['first', 'second'],
    ]);
    expect(beside.state().problem).toBeUndefined();
    expect(live.assignments).toHaveLength(1);
    await Promise.all([dead.close(), owners.close(), beside.stop()]);
    await kafka.stop();
  }, 180_000);

  it('partitions are read on from their new leaders when a broker dies, and nothing is lost or read twice (C3)', async () => {
    const brokers = await startKafkaCluster(2, { 'offsets.topic.replication.factor': 1 });
    const owners = new ForeignCluster({ brokers: brokers.map((each) => each.brokers) });
    const topic = await owners.aTopic(4, 'replicated', 2);
    const listener = new RecordingListener();
    const both = clusters.open(owners.access, 'guest');
    const consumer = both.assign({ group: 'survivor', partitions: allOf(topic, 4), maxRecords: 50, listener });
    const sent = new Map<number, string[]>();
    const send = async (from: number, to: number): Promise<void> => {
      for (let partition = 0; partition < 4; partition++) {
        await owners.send(topic, texts(from, to), partition);
        sent.set(partition, texts(0, to));
      }
    };
    await send(0, 20);
    await listener.received(80);
    await brokers[1]!.kill();
    await send(20, 40);
    await listener.received(160);
    for (const [partition, values] of sent) expect(listener.values(partition)).toEqual(values);
    expect(listener.assignments).toHaveLength(4);
    await eventually(() => consumer.state().problem === undefined, 'the dead broker to be nobody we need');
    expect(consumer.state().status).toBe('running');
    await both.close();
    await owners.close();
    await Promise.all(brokers.map((broker) => broker.stop()));
  }, 180_000);
});
