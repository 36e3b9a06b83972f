import { COMMANDS } from '../../src/database/database.client.js';
import type { LogRecord } from '../../src/log/event-log.js';
import { eventually } from '../support/eventually.js';
import { logs, type TestLog } from '../support/logs.js';
import { RecordingListener } from '../support/recording-listener.js';

const texts = (count: number, prefix = 'v'): string[] => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

describe.each(logs)('the log (%s)', (_name, open) => {
  let test: TestLog;
  beforeAll(async () => {
    test = await open();
    await test.eventLog.ensureTopics([{ name: 'one', partitions: 1 }]);
  });
  afterAll(() => test.close());

  let topicNumber = 0;
  const aTopic = async (partitions = 1): Promise<string> => {
    const name = `topic-${topicNumber++}`;
    await test.eventLog.ensureTopics([{ name, partitions }]);
    return name;
  };
  const subscribe = (group: string, topics: string[], listener = new RecordingListener(), maxRecords = 500) =>
    test.eventLog.subscribe({ group, topics, maxRecords, listener }).then((consumer) => ({ consumer, listener }));

  it('delivers what was published, in order, with consecutive offsets, keys, headers and bytes untouched', async () => {
    const topic = await aTopic();
    const bytes = Buffer.from([0, 255, 128, 10, 13]);
    await test.eventLog.publish(topic, [
      { key: 'k', value: 'first', headers: { why: 'because' } },
      { key: null, value: bytes, partition: 0 },
      { key: 'k', value: null },
    ]);
    const { consumer, listener } = await subscribe('reader', [topic]);
    await listener.received(3);
    await consumer.stop();
    expect(listener.records.map(({ offset }) => offset)).toEqual([0, 1, 2]);
    expect(listener.records[0]).toMatchObject({ key: Buffer.from('k'), value: Buffer.from('first'), headers: { why: 'because' } });
    expect(listener.records[1]!.value).toEqual(bytes);
    expect(listener.records[2]!.value).toBeNull();
    expect(Math.abs(listener.records[0]!.timestamp - Date.now())).toBeLessThan(3_600_000);
  });

  it('keeps equal keys in one partition, and the order inside every partition, under concurrent publishers', async () => {
    const topic = await aTopic(4);
    const keys = texts(20, 'key');
    await Promise.all(
      keys.map(async (key) => {
        for (let i = 0; i < 20; i++) await test.eventLog.publish(topic, [{ key, value: `${key}:${i}` }]);
      }),
    );
    const { consumer, listener } = await subscribe('orderly', [topic]);
    await listener.received(400);
    await consumer.stop();
    for (const key of keys) {
      const mine = listener.records.filter((record) => String(record.key) === key);
      expect(new Set(mine.map(({ partition }) => partition))).toEqual(new Set([await test.eventLog.partitionFor(topic, key)]));
      expect(mine.map(({ value }) => String(value))).toEqual(texts(20, '').map((n) => `${key}:${n}`));
    }
  });

  it('hands over at most maxRecords in a batch, and says where the log ends', async () => {
    const topic = await aTopic();
    await test.eventLog.publish(
      topic,
      texts(25).map((value) => ({ key: null, value })),
    );
    const { consumer, listener } = await subscribe('small', [topic], new RecordingListener(), 10);
    await listener.received(25);
    await consumer.stop();
    expect(Math.max(...listener.batches.map(({ records }) => records.length))).toBeLessThanOrEqual(10);
    expect(listener.batches.at(-1)!.highWatermark).toBe(25);
    expect(listener.values()).toEqual(texts(25));
  });

  it('serves several groups, each with all records', async () => {
    const topic = await aTopic();
    const first = await subscribe('group-a', [topic]);
    const second = await subscribe('group-b', [topic]);
    await test.eventLog.publish(topic, [{ key: null, value: 'x' }]);
    await Promise.all([first.listener.received(1), second.listener.received(1)]);
    await Promise.all([first.consumer.stop(), second.consumer.stop()]);
    expect([first.listener.values(), second.listener.values()]).toEqual([['x'], ['x']]);
  });

  it('starts each partition where the listener says, and never before it has said so', async () => {
    const topic = await aTopic();
    await test.eventLog.publish(
      topic,
      texts(10).map((value) => ({ key: null, value })),
    );
    const listener = new RecordingListener();
    let answered = false;
    const assigned = listener.assigned.bind(listener);
    listener.assigned = async (at, generation) => {
      await assigned(at, generation);
      await new Promise((resolve) => setTimeout(resolve, 100));
      answered = true;
      return 7;
    };
    listener.onBatch = () => expect(answered).toBe(true);
    const { consumer } = await subscribe('starter', [topic], listener);
    await listener.received(3);
    await consumer.stop();
    expect(listener.values()).toEqual(['v7', 'v8', 'v9']);
  });

  it('redelivers a failed batch from the position that the listener returns, while other partitions continue', async () => {
    const topic = await aTopic(2);
    await test.eventLog.publish(topic, [
      { key: null, value: 'bad', partition: 0 },
      { key: null, value: 'good', partition: 1 },
    ]);
    const listener = new RecordingListener();
    let refusals = 0;
    listener.onBatch = ({ partition }) => {
      if (partition === 0 && ++refusals <= 2) throw new TypeError('not now');
    };
    const { consumer } = await subscribe('stubborn', [topic], listener);
    await listener.received(2);
    expect(refusals).toBe(3);
    expect(listener.values(0)).toEqual(['bad']);
    expect(listener.values(1)).toEqual(['good']);
    // The consumer outlives more failures than its client library would forgive.
    refusals = -4;
    await test.eventLog.publish(topic, [{ key: null, value: 'bad again', partition: 0 }]);
    await eventually(() => listener.values(0).includes('bad again'), 'the batch after six more refusals');
    await consumer.stop();
  });

  it('stores committed offsets, and does not use them as the start position', async () => {
    const topic = await aTopic();
    await test.eventLog.publish(
      topic,
      texts(5).map((value) => ({ key: null, value })),
    );
    const listener = new RecordingListener();
    listener.onBatch = (batch, control) => control.commit(batch.records.at(-1)!.offset + 1);
    const first = await subscribe('committer', [topic], listener);
    await listener.received(5);
    await eventually(async () => (await test.eventLog.committed('committer', topic)).get(0) === 5, 'the committed offset');
    await first.consumer.stop();
    const again = await subscribe('committer', [topic]);
    await again.listener.received(5);
    await again.consumer.stop();
    expect(await test.eventLog.committed('nobody', topic)).toEqual(new Map());
  });

  it('stops a paused partition, and resumes it at its position', async () => {
    const topic = await aTopic(2);
    const { consumer, listener } = await subscribe('pausing', [topic]);
    await eventually(() => listener.assignments.length === 2, 'assignment');
    consumer.pause({ topic, partition: 0 });
    await test.eventLog.publish(topic, [
      { key: null, value: 'a', partition: 0 },
      { key: null, value: 'b', partition: 1 },
    ]);
    await listener.received(1);
    await test.eventLog.publish(topic, [{ key: null, value: 'c', partition: 1 }]);
    await listener.received(2);
    expect(listener.values(0)).toEqual([]);
    expect(consumer.state().paused).toEqual([{ topic, partition: 0 }]);
    consumer.resume({ topic, partition: 0 });
    await listener.received(3);
    await consumer.stop();
    expect(listener.values(0)).toEqual(['a']);
  });

  it('seeks back and forth while it runs', async () => {
    const topic = await aTopic();
    await test.eventLog.publish(
      topic,
      texts(3).map((value) => ({ key: null, value })),
    );
    const { consumer, listener } = await subscribe('seeker', [topic]);
    await listener.received(3);
    consumer.seek({ topic, partition: 0 }, 1);
    await listener.received(5);
    await consumer.stop();
    expect(listener.values()).toEqual(['v0', 'v1', 'v2', 'v1', 'v2']);
  });

  it('says how many records there are and where they begin', async () => {
    const topic = await aTopic(2);
    await test.eventLog.publish(
      topic,
      texts(3).map((value) => ({ key: null, value, partition: 1 })),
    );
    expect(await test.eventLog.offsets(topic)).toEqual([
      { partition: 0, low: 0, high: 0 },
      { partition: 1, low: 0, high: 3 },
    ]);
    expect(await test.eventLog.partitions(topic)).toBe(2);
    await expect(test.eventLog.partitions('no-such-topic')).rejects.toThrow();
  });

  it('reads a closed range without a group', async () => {
    const topic = await aTopic();
    await test.eventLog.publish(
      topic,
      texts(2500).map((value) => ({ key: null, value })),
    );
    const read: LogRecord[] = [];
    for await (const slice of test.eventLog.read({ topic, partition: 0 }, 100, 2400)) read.push(...slice);
    expect(read.map(({ value }) => String(value))).toEqual(texts(2500).slice(100, 2400));
    for await (const slice of test.eventLog.read({ topic, partition: 0 }, 2499, 9999)) expect(slice.map(({ offset }) => offset)).toEqual([2499]);
  });

  it('publishes what a transaction staged if and only if it commits, in order', async () => {
    const topic = await aTopic();
    test.eventLog.acquireOrderingKey(COMMANDS);
    const stage = (values: string[], fail: boolean): Promise<void> =>
      test.database.transaction(async () => {
        await test.eventLog.stage(
          values.map((value) => ({ topic, key: 'k', value })),
          COMMANDS,
        );
        test.database.afterCommit(() => test.eventLog.staged(COMMANDS));
        if (fail) throw new Error('roll back');
      });
    await stage(['a', 'b'], false);
    await expect(stage(['never'], true)).rejects.toThrow('roll back');
    await stage(['c'], false);
    const { consumer, listener } = await subscribe('outbox', [topic]);
    await listener.received(3);
    await consumer.stop();
    test.eventLog.releaseOrderingKey(COMMANDS);
    expect(listener.values()).toEqual(['a', 'b', 'c']);
  });

  it('finishes the running batch before it stops', async () => {
    const topic = await aTopic();
    const listener = new RecordingListener();
    let entered = false;
    listener.onBatch = async () => {
      entered = true;
      await new Promise((resolve) => setTimeout(resolve, 300));
    };
    const { consumer } = await subscribe('graceful', [topic], listener);
    await test.eventLog.publish(topic, [{ key: null, value: 'x' }]);
    await eventually(() => entered, 'the batch');
    await consumer.stop();
    expect(listener.values()).toEqual(['x']);
    expect(listener.revocations.map(({ partition }) => partition)).toEqual([0]);
  });
});
