import type { Cluster } from '../../src/log/cluster.js';
import type { TopicPartition } from '../../src/log/event-log.js';
import { Brokers } from '../../src/log/kafka/connection/brokers.client.js';
import { eventually } from '../support/eventually.js';
import { collected, ForeignCluster, testClusters } from '../support/foreign-cluster.js';
import { RecordingListener } from '../support/recording-listener.js';

const texts = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => `v${from + index}`);

describe('reading without a group', () => {
  const { clusters } = testClusters();
  let foreign: ForeignCluster;
  let cluster: Cluster;
  beforeAll(() => {
    foreign = new ForeignCluster({ brokers: process.env['KAFKA_BROKERS']!.split(',') });
    cluster = clusters.open(foreign.access, 'reader');
  });
  afterAll(async () => {
    await clusters.onApplicationShutdown();
    await foreign.close();
  });

  const groups = async (): Promise<string[]> => (await (await foreign.admin()).listGroups()).groups.map(({ groupId }) => groupId);
  const read = (partitions: TopicPartition[], listener = new RecordingListener(), maxRecords = 500) => {
    const consumer = cluster.assign({ group: 'assigned', partitions, maxRecords, listener });
    return { consumer, listener };
  };

  it('explicit partitions are read from where the listener says, and no group shows up (C3)', async () => {
    const topic = await foreign.aTopic(3);
    for (const partition of [0, 1, 2]) await foreign.send(topic, texts(0, 30), partition);
    const listener = new RecordingListener();
    listener.positions.set(`${topic}/2`, 20);
    const { consumer } = read(
      [0, 2].map((partition) => ({ topic, partition })),
      listener,
      7,
    );
    await listener.received(40);
    await foreign.send(topic, ['later'], 2);
    await foreign.send(topic, ['not ours'], 1);
    await listener.received(41);
    expect(listener.values(0)).toEqual(texts(0, 30));
    expect(listener.values(2)).toEqual([...texts(20, 30), 'later']);
    expect(listener.values(1)).toEqual([]);
    expect(Math.max(...listener.batches.map(({ records }) => records.length))).toBe(7);
    expect(listener.batches.find(({ partition }) => partition === 0)!.highWatermark).toBe(30);
    expect(consumer.state()).toMatchObject({ status: 'running', assigned: [0, 2].map((partition) => ({ topic, partition })), paused: [] });
    expect(await groups()).not.toContain('assigned');
    await consumer.stop();
    expect(listener.revocations).toHaveLength(2);
    expect(consumer.state().status).toBe('stopped');
  });

  it('partitions come and go while it runs, and those that stay are not touched (C3)', async () => {
    const topic = await foreign.aTopic(3);
    const { consumer, listener } = read([0, 1].map((partition) => ({ topic, partition })));
    await foreign.send(topic, ['a'], 0);
    await listener.received(1);
    consumer.assign([0, 2].map((partition) => ({ topic, partition })));
    await foreign.send(topic, ['b'], 0);
    await foreign.send(topic, ['not ours any more'], 1);
    await foreign.send(topic, ['new'], 2);
    await listener.received(3);
    expect(listener.revocations).toEqual([{ topic, partition: 1 }]);
    expect(listener.assignments.map(({ partition }) => partition)).toEqual([0, 1, 2]);
    consumer.assign([0, 1].map((partition) => ({ topic, partition })));
    await eventually(() => listener.values(1).length === 1, 'the partition that came back');
    const [first, again] = listener.assignments.filter(({ partition }) => partition === 1);
    expect(again!.generation).toBeGreaterThan(first!.generation);
    await consumer.stop();
  });

  it('a failed batch is redelivered from the position that the listener returns, while other partitions continue', async () => {
    const topic = await foreign.aTopic(2);
    const listener = new RecordingListener();
    let refusals = 0;
    listener.onBatch = ({ partition }) => {
      if (partition === 0 && ++refusals <= 3) throw new TypeError('not now');
    };
    await foreign.send(topic, ['bad'], 0);
    const { consumer } = read(
      [0, 1].map((partition) => ({ topic, partition })),
      listener,
    );
    await eventually(() => refusals > 0, 'a refusal');
    await foreign.send(topic, ['good'], 1);
    await listener.received(2);
    expect(refusals).toBe(4);
    expect(listener.values(0)).toEqual(['bad']);
    expect(listener.assignments.filter(({ partition }) => partition === 0)).toHaveLength(4);
    await consumer.stop();
  });

  it('no record of a partition is fetched or handed over while its batch is being handled', async () => {
    const topic = await foreign.aTopic(2);
    const listener = new RecordingListener();
    const running = new Map<number, number>();
    let most = 0;
    let free = (): void => undefined;
    const held = new Promise<void>((resolve) => (free = resolve));
    listener.onBatch = async ({ partition }) => {
      running.set(partition, (running.get(partition) ?? 0) + 1);
      most = Math.max(most, ...running.values());
      if (partition === 0) await held;
      running.set(partition, running.get(partition)! - 1);
    };
    const { consumer } = read(
      [0, 1].map((partition) => ({ topic, partition })),
      listener,
      5,
    );
    await foreign.send(topic, texts(0, 5), 0);
    await eventually(() => running.get(0) === 1, 'the batch that takes long');
    const fetch = jest.spyOn(Brokers.prototype, 'fetch');
    for (let round = 0; round < 5; round++) await foreign.send(topic, texts(5 * round, 5 * round + 5), 1);
    await eventually(() => listener.values(1).length === 25, 'the other partition');
    const fetched = fetch.mock.calls.flatMap(([, wanted]) => wanted.map(({ partition }) => partition));
    fetch.mockRestore();
    free();
    await foreign.send(topic, texts(5, 10), 0);
    await listener.received(35);
    expect(fetched).not.toContain(0);
    expect(most).toBe(1);
    expect(listener.values(0)).toEqual(texts(0, 10));
    await consumer.stop();
  });

  it('a partition can be paused, sought and restarted by command (C10)', async () => {
    const topic = await foreign.aTopic(2);
    await foreign.send(topic, texts(0, 10));
    const { consumer, listener } = read([{ topic, partition: 0 }]);
    await listener.received(10);
    const [bounds] = await cluster.offsets(topic);
    consumer.seek({ topic, partition: 0 }, bounds!.low);
    await listener.received(20);
    consumer.seek({ topic, partition: 0 }, bounds!.high);
    consumer.pause({ topic, partition: 0 });
    await foreign.send(topic, ['while paused']);
    expect(consumer.state().paused).toEqual([{ topic, partition: 0 }]);
    consumer.resume({ topic, partition: 0 });
    await listener.received(21);
    listener.positions.set(`${topic}/0`, 7);
    consumer.restart({ topic, partition: 0 });
    await listener.received(25);
    await consumer.stop();
    expect(listener.values()).toEqual([...texts(0, 10), ...texts(0, 10), 'while paused', ...texts(7, 10), 'while paused']);
  });

  it('records that retention took are never jumped over in silence: the first that is there shows the gap (C3)', async () => {
    const topic = await foreign.aTopic();
    await foreign.send(topic, texts(0, 10));
    await foreign.truncate(topic, 6);
    const { consumer, listener } = read([{ topic, partition: 0 }]);
    await listener.received(4);
    expect(listener.records[0]!.offset).toBe(6);
    expect(listener.assignments).toHaveLength(1);
    await consumer.stop();
  });

  it('a position behind the end is not believed: the listener loses the partition, and is asked as for a new one (C3)', async () => {
    const topic = await foreign.aTopic();
    await foreign.send(topic, texts(0, 3));
    const listener = new RecordingListener();
    listener.positions.set(`${topic}/0`, 100);
    const { consumer } = read([{ topic, partition: 0 }], listener);
    await eventually(() => listener.revocations.length > 0, 'the revocation');
    expect(consumer.state().problem).toContain('log end offset 3, but the position is 100');
    listener.positions.set(`${topic}/0`, 1);
    await listener.received(2);
    expect(listener.values()).toEqual(['v1', 'v2']);
    expect(listener.assignments.at(-1)!.generation).toBeGreaterThan(listener.assignments[0]!.generation);
    await consumer.stop();
  });

  it('a missing or deleted topic does not block other topics, and is read once it exists (C3)', async () => {
    const [topic, gone] = [await foreign.aTopic(), await foreign.aTopic()];
    const late = `${topic}-late`;
    const listener = new RecordingListener();
    // It has noted that it is behind "before"; told that the partition is gone, it forgets that.
    listener.revoked = (at) => {
      listener.revocations.push(at);
      listener.positions.delete(`${at.topic}/${at.partition}`);
    };
    const { consumer } = read(
      [topic, gone, late].map((name) => ({ topic: name, partition: 0 })),
      listener,
    );
    await foreign.send(gone, ['before']);
    await listener.received(1);
    await foreign.deleteTopic(gone);
    await eventually(() => /Topic not found.*late/.test(consumer.state().problem ?? ''), 'the missing topic in the state');
    await eventually(() => consumer.state().problem!.includes(gone), 'the deleted topic in the state');
    await foreign.send(topic, ['a']);
    await listener.received(2);
    await foreign.aTopic(1, late);
    await foreign.send(late, ['b']);
    await listener.received(3);
    await foreign.aTopic(1, gone);
    await foreign.send(gone, ['another life']);
    await eventually(() => listener.values().includes('another life'), 'the recreated topic');
    expect(listener.revocations).toEqual([{ topic: gone, partition: 0 }]);
    await consumer.stop();
  });

  it('records of an aborted transaction are never seen, and its end is no gap (C5)', async () => {
    const topic = await foreign.aTopic();
    const producer = foreign.kafka.producer({ transactionalId: `tx-${topic}`, maxInFlightRequests: 1, idempotent: true });
    await producer.connect();
    const transact = async (value: string, end: 'commit' | 'abort'): Promise<void> => {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ value, partition: 0 }] });
      await transaction[end]();
    };
    await transact('first', 'commit');
    await transact('never', 'abort');
    await transact('second', 'commit');
    await producer.disconnect();
    const { consumer, listener } = read([{ topic, partition: 0 }]);
    await listener.received(2);
    await consumer.stop();
    expect(listener.values()).toEqual(['first', 'second']);
    const [bounds] = await cluster.offsets(topic);
    expect(bounds).toEqual({ partition: 0, low: 0, high: 6 });
    expect((await collected(cluster.read({ topic, partition: 0 }, 0, 99))).map(({ value }) => String(value))).toEqual(['first', 'second']);
  });

  it('offsets by time: exact, between, before the first, behind the last, of an empty partition (C10)', async () => {
    const topic = await foreign.aTopic(2);
    const start = Date.now() - 60_000;
    for (const [index, at] of [start, start + 1000, start + 2000].entries()) await foreign.send(topic, [`v${index}`], 0, at);
    const at = async (timestamp: number): Promise<unknown> => [...(await cluster.offsetsAt(topic, timestamp))];
    const both = (offset: number): unknown => [
      [0, offset],
      [1, 0],
    ];
    expect(await at(start + 1000)).toEqual(both(1));
    expect(await at(start + 1001)).toEqual(both(2));
    expect(await at(start - 5000)).toEqual(both(0));
    expect(await at(start + 2001)).toEqual(both(3));
    await expect(cluster.offsetsAt('nowhere', start)).rejects.toMatchObject({ code: 'T7005' });
  });
});
