import type { Config } from '../../src/config.js';
import { CursorRepository } from '../../src/log/cursor.repository.js';
import type { Batch } from '../../src/log/consuming/batch.js';
import { PoisonError } from '../../src/shared/errors.js';
import { deadLetterTopic } from '../../src/topics.js';
import { aConsumerApp, aNoteTopic, type ConsumerApp, type Note } from '../support/consumer-app.js';
import { eventually } from '../support/eventually.js';
import { logs, type TestLog } from '../support/logs.js';
import { RecordingListener } from '../support/recording-listener.js';

describe.each(logs)('commit, the one interceptor (%s)', (_name, open) => {
  let test: TestLog;
  let running: ConsumerApp | undefined;
  beforeAll(async () => {
    test = await open();
    await test.database.writer.query('CREATE TABLE effect (id VARCHAR(64) NOT NULL)');
  });
  afterEach(async () => {
    await running?.close();
    running = undefined;
    await test.database.writer.query('DELETE FROM effect');
  });
  afterAll(() => test.close());

  let number = 0;
  const aTopic = async () => {
    const topic = aNoteTopic(`notes-${number++}`);
    await test.eventLog.ensureTopics([topic.name, deadLetterTopic(topic.name)].map((name) => ({ name, partitions: 1 })));
    return topic;
  };
  const publish = (topic: string, ids: readonly string[]): Promise<void> =>
    test.eventLog.publish(
      topic,
      ids.map((id) => ({ key: null, value: JSON.stringify({ id }) })),
    );
  const store = (batch: Batch<Note>): Promise<void> =>
    test.database.insert(
      'effect',
      ['id'],
      batch.records.map(({ message }) => [message.id]),
    );
  const effects = async (): Promise<string[]> => (await test.database.query<{ id: string }>('SELECT id FROM effect ORDER BY id')).map(({ id }) => id);
  const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `n${String(index).padStart(4, '0')}`);
  const start = async (
    topic: ReturnType<typeof aNoteTopic>,
    handle: (batch: Batch<Note>) => Promise<void>,
    options: { group?: string; stateful?: boolean; config?: Partial<Config> } = {},
  ): Promise<ConsumerApp> => {
    const config = { BATCH_RECORDS: 10, DETECT_BATCH_RECORDS: 10, ...options.config };
    const consume = { group: options.group ?? `g-${topic.name}`, stateful: options.stateful ?? false };
    return (running = await aConsumerApp({ database: test.database, eventLog: test.eventLog, config }, topic, consume, handle));
  };
  /** A topic whose records so far a group has handled; nobody reads it now. */
  const aTopicReadBy = async (group: string, handled: readonly string[]) => {
    const topic = await aTopic();
    await publish(topic.name, handled);
    await start(topic, store, { group });
    await eventually(async () => (await effects()).length === handled.length, 'the effects');
    await running!.close();
    return topic;
  };
  const cursor = (topic: string, group = `g-${topic}`) => running!.app.get(CursorRepository).read(group, { topic, partition: 0 });
  const audited = (why: string): Promise<void> =>
    eventually(async () => (await test.database.query('SELECT why FROM audit WHERE why = ?', [why])).length > 0, `an audit row: ${why}`);
  const deadLetters = async (topic: string, count: number) => {
    const listener = new RecordingListener();
    const consumer = await test.eventLog.subscribe({ group: `dlq-${topic}`, topics: [deadLetterTopic(topic)], maxRecords: 100, listener });
    await listener.received(count);
    await consumer.stop();
    return listener.records;
  };

  it('gives every record its effect exactly once, however often the handler fails', async () => {
    const topic = await aTopic();
    await publish(topic.name, ids(100));
    let calls = 0;
    await start(topic, async (batch) => {
      await store(batch);
      if (++calls % 3 === 0) throw new Error('after the effect, before the commit');
    });
    await eventually(async () => (await effects()).length >= 100, '100 effects');
    await eventually(async () => (await cursor(topic.name))?.nextOffset === 100, 'the cursor');
    expect(await effects()).toEqual(ids(100));
    await eventually(async () => (await test.eventLog.committed(`g-${topic.name}`, topic.name)).get(0) === 100, 'the commit to the log');
  });

  it('survives an error that would kill the client library, such as a TypeError', async () => {
    const topic = await aTopic();
    await publish(topic.name, ['x']);
    let calls = 0;
    await start(topic, async (batch) => {
      if (++calls < 3) throw new TypeError('a bug');
      await store(batch);
    });
    await eventually(async () => (await effects()).length === 1, 'the effect');
  });

  it('parks a poison record with its bytes and the reason, and lets the rest of the batch through', async () => {
    const topic = await aTopic();
    const broken = [
      Buffer.from('{"id":'),
      Buffer.from([0x7b, 0xff, 0x7d]),
      Buffer.from('{"nope":1}'),
      Buffer.from('{"id":"x","__proto__":{"bad":1}}'),
    ];
    await test.eventLog.publish(topic.name, [
      { key: 'k1', value: '{"id":"a"}' },
      ...broken.map((value) => ({ key: 'k2', value })),
      { key: 'k3', value: null },
      { key: 'k4', value: `{"id":"${'z'.repeat(2_000_000 / 4)}"}` },
      { key: 'k1', value: '{"id":"b"}' },
    ]);
    await start(topic, store, { config: { MAX_RECORD_BYTES: 100_000 } });
    await eventually(async () => (await effects()).length === 2, 'the good ones');
    const letters = await deadLetters(topic.name, 6);
    expect(letters.map(({ headers }) => headers['tocsin-error-code'])).toEqual(['T6002', 'T6001', 'T6003', 'T6006', 'T6005', 'T6004']);
    expect(letters.slice(0, 4).map(({ value }) => value)).toEqual(broken);
    expect(letters[4]!.value).toBeNull();
    expect(letters[0]!.headers).toMatchObject({
      'tocsin-topic': topic.name,
      'tocsin-partition': '0',
      'tocsin-offset': '1',
      'tocsin-stage': `g-${topic.name}`,
    });
    expect(String(letters[0]!.key)).toBe('k2');
    expect(({} as { bad?: number }).bad).toBeUndefined();
  });

  it('parks the one record that the handler refuses, and applies the others exactly once', async () => {
    const topic = await aTopic();
    await publish(topic.name, ids(10));
    await start(topic, async (batch) => {
      await store(batch);
      const refused = batch.records.find(({ message }) => message.id === 'n0004');
      if (refused) throw new PoisonError('T6007', 'cannot', refused.offset);
    });
    await eventually(async () => (await effects()).length === 9, 'nine effects');
    const [letter] = await deadLetters(topic.name, 1);
    expect(String(letter!.value)).toBe('{"id":"n0004"}');
    expect(await effects()).not.toContain('n0004');
  });

  it('rolls back and acquires the partition again when another replica has taken it', async () => {
    const topic = await aTopic();
    await publish(topic.name, ['first']);
    const epochs: number[] = [];
    let stolen = false;
    await start(topic, async (batch) => {
      epochs.push(batch.epoch);
      if (!stolen && batch.records[0]?.message.id === 'second') {
        stolen = true;
        await test.database.writer.query(`UPDATE stream_cursor SET epoch = epoch + 1 WHERE topic = '${topic.name}'`);
      }
      await store(batch);
    });
    await eventually(async () => (await effects()).length === 1, 'the first effect');
    await publish(topic.name, ['second']);
    await eventually(async () => (await effects()).length === 2, 'the second effect');
    expect(new Set(epochs).size).toBe(2);
  });

  it('resumes from the cursor, not from the committed offset', async () => {
    const topic = await aTopicReadBy('cursor-truth', ids(20));
    await test.database.writer.query(`UPDATE stream_cursor SET next_offset = 15 WHERE topic = '${topic.name}'`);
    await test.database.writer.query('DELETE FROM effect');
    await start(topic, store, { group: 'cursor-truth' });
    await eventually(async () => (await effects()).length === 5, 'what follows the cursor');
    expect(await effects()).toEqual(ids(20).slice(15));
  });

  it('stops, with an audit row, where the log is shorter than the cursor says', async () => {
    const topic = await aTopicReadBy('ahead', ids(3));
    await test.database.writer.query(`UPDATE stream_cursor SET next_offset = 1000, state_offset = 1000 WHERE topic = '${topic.name}'`);
    await start(topic, store, { group: 'ahead' });
    await eventually(() => running!.server.state()?.problem?.includes('T6102') ?? false, 'the problem in the state');
    await audited('T6102 cursor 1000 is beyond the log end offset 3');
    expect(await effects()).toHaveLength(3);
  });

  it('does not take records for lost, or never written, that came while the partition changed hands', async () => {
    const topic = await aTopicReadBy('handed-over', ids(3));
    const { claim } = CursorRepository.prototype;
    let handsChanged = false;
    const claiming = jest.spyOn(CursorRepository.prototype, 'claim').mockImplementationOnce(async function (this: CursorRepository, ...args) {
      // The owner before goes on until the very moment of the claim.
      await publish(topic.name, ids(6).slice(3));
      await test.database.writer.query(`UPDATE stream_cursor SET next_offset = 6, state_offset = 6 WHERE topic = '${topic.name}'`);
      handsChanged = true;
      return claim.apply(this, args);
    });
    await start(topic, store, { group: 'handed-over' });
    await eventually(() => handsChanged, 'the claim');
    await publish(topic.name, ids(8).slice(6));
    await eventually(async () => (await effects()).length === 5, 'what comes after');
    claiming.mockRestore();
    expect(await effects()).toEqual([...ids(3), ...ids(8).slice(6)]);
    expect(await test.database.query("SELECT why FROM audit WHERE object_id LIKE 'handed-over%'")).toEqual([]);
  });

  it('stops, with an audit row, where retention has deleted what was not handled yet; never a silent jump', async () => {
    const topic = await aTopicReadBy('late', ids(3));
    await publish(topic.name, ids(10).slice(3));
    await test.truncate(topic.name, 6);
    await start(topic, store, { group: 'late' });
    await eventually(() => running!.server.state()?.problem?.includes('T6101') ?? false, 'the problem in the state');
    await audited('T6101 records 3 to 5 were deleted from the log');
    expect(await effects()).toHaveLength(3);
  });

  it('stops when nearly everything is poison, instead of draining the topic into the dead letters', async () => {
    const topic = await aTopic();
    await test.eventLog.publish(
      topic.name,
      Array.from({ length: 900 }, () => ({ key: null, value: 'not json' })),
    );
    await start(topic, store, { config: { BATCH_RECORDS: 100 } });
    await eventually(() => running!.server.state()?.problem?.includes('T6103') ?? false, 'the consumer stopped');
    const stopped = (await cursor(topic.name))!.nextOffset;
    expect(stopped).toBeLessThan(900);
  });

  describe('for a stage with memory', () => {
    interface Seen {
      readonly ids: string[];
      readonly replay: boolean;
      readonly epoch: number;
    }
    const note = (seen: Seen[], batch: Batch<Note>): void => {
      seen.push({ ids: batch.records.map(({ message }) => message.id), replay: batch.replay, epoch: batch.epoch });
    };

    it('commits nothing for batches without output until its time comes, then everything', async () => {
      const topic = await aTopic();
      const seen: Seen[] = [];
      await start(topic, (batch) => Promise.resolve(note(seen, batch)), { stateful: true, config: { DETECT_COMMIT_MS: 1500 } });
      await eventually(() => seen.length > 0, 'the call before any record');
      expect(seen[0]!.ids).toEqual([]);
      await publish(topic.name, ids(5));
      await eventually(() => seen.flatMap((each) => each.ids).length === 5, 'the records');
      expect((await cursor(topic.name))!.nextOffset).toBe(0);
      await eventually(async () => (await cursor(topic.name))!.nextOffset === 5, 'the commit');
    });

    it('commits what waits, with a checkpoint, when it stops', async () => {
      const topic = await aTopic();
      const seen: Seen[] = [];
      const handle = (batch: Batch<Note>): Promise<void> => {
        note(seen, batch);
        if (batch.leaving) batch.checkpointed();
        return Promise.resolve();
      };
      await publish(topic.name, ids(5));
      await start(topic, handle, { stateful: true, config: { DETECT_COMMIT_MS: 3_600_000 } });
      await eventually(() => seen.flatMap((each) => each.ids).length === 5, 'the records');
      const cursors = running!.app.get(CursorRepository);
      await running!.close();
      expect(await cursors.read(`g-${topic.name}`, { topic: topic.name, partition: 0 })).toMatchObject({ nextOffset: 5, stateOffset: 5 });
    });

    it('rebuilds its memory from the checkpoint by replay, in which nothing is published or stored', async () => {
      const topic = await aTopic();
      const output = aNoteTopic(`out-${topic.name}`);
      await test.eventLog.ensureTopics([{ name: output.name, partitions: 1 }]);
      const seen: Seen[] = [];
      const { Publisher } = await import('../../src/log/publisher.service.js');
      const handle = async (batch: Batch<Note>): Promise<void> => {
        note(seen, batch);
        for (const { message } of batch.records) {
          if (!batch.replay) running!.app.get(Publisher).publish(output, message);
          if (message.id === 'n0009' && !batch.replay) batch.checkpointed();
        }
      };
      await publish(topic.name, ids(10));
      await start(topic, handle, { stateful: true });
      await eventually(async () => (await cursor(topic.name))?.stateOffset === 10, 'the checkpoint');
      await publish(topic.name, ids(20).slice(10));
      await eventually(async () => (await cursor(topic.name))?.nextOffset === 20, 'the cursor');
      await running!.close();
      seen.length = 0;
      await start(topic, handle, { stateful: true });
      await publish(topic.name, ['new']);
      await eventually(() => seen.flatMap((each) => each.ids).includes('new'), 'the new record');
      expect(seen.filter(({ replay }) => replay).flatMap((each) => each.ids)).toEqual(ids(20).slice(10));
      expect(seen.filter(({ replay }) => !replay).flatMap((each) => each.ids)).toEqual(['new']);
      const listener = new RecordingListener();
      const consumer = await test.eventLog.subscribe({ group: `check-${output.name}`, topics: [output.name], maxRecords: 100, listener });
      await listener.received(21);
      await consumer.stop();
      expect(listener.values().map((value) => (JSON.parse(value) as Note).id)).toEqual([...ids(20), 'new']);
    });

    it('gives its memory up after a failure: a new epoch, and the records since the checkpoint again', async () => {
      const topic = await aTopic();
      const seen: Seen[] = [];
      let failed = false;
      await publish(topic.name, ids(3));
      await start(
        topic,
        async (batch) => {
          note(seen, batch);
          await test.database.execute("INSERT INTO effect (id) VALUES ('x')");
          if (!failed && batch.records.length > 0 && !batch.replay) {
            failed = true;
            throw new Error('half done');
          }
        },
        { stateful: true },
      );
      await eventually(async () => failed && (await cursor(topic.name))?.nextOffset === 3, 'the second try');
      const epochs = [...new Set(seen.map(({ epoch }) => epoch))];
      expect(epochs).toHaveLength(2);
      expect(seen.filter(({ epoch }) => epoch === epochs[1]).flatMap((each) => each.ids)).toEqual(ids(3));
    });

    it('comes back by itself when the commit of what waits has failed, without a new record', async () => {
      const topic = await aTopic();
      const seen: Seen[] = [];
      await publish(topic.name, ids(3));
      await start(topic, (batch) => Promise.resolve(note(seen, batch)), { stateful: true, config: { DETECT_COMMIT_MS: 1000 } });
      await eventually(() => seen.flatMap((each) => each.ids).length === 3, 'the records');
      await test.database.writer.query(`UPDATE stream_cursor SET epoch = epoch + 1 WHERE topic = '${topic.name}'`);
      await eventually(async () => (await cursor(topic.name))!.nextOffset === 3, 'the commit by the next owner, which is us again');
      expect(new Set(seen.map(({ epoch }) => epoch)).size).toBe(2);
    });
  });
});
