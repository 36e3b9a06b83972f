import { aConsumerApp, aNoteTopic } from '../../../test/support/consumer-app.js';
import { aSqlite, type TestDatabase } from '../../../test/support/database.js';
import { eventually } from '../../../test/support/eventually.js';
import { CursorRepository } from '../cursor.repository.js';
import { EmbeddedLog } from './embedded-log.service.js';

const HOUR = 3_600_000;

describe('retention of the embedded log', () => {
  let test: TestDatabase;
  const logs: EmbeddedLog[] = [];
  beforeEach(async () => {
    test = await aSqlite();
  });
  afterEach(async () => {
    for (const log of logs.splice(0)) await log.close();
    await test.close();
  });

  const aLog = async (settings: { RETENTION_HOURS?: number; RETENTION_BYTES?: number } = {}): Promise<EmbeddedLog> => {
    const log = new EmbeddedLog(test.database, { RETENTION_HOURS: 72, RETENTION_BYTES: 1e9, LINGER_MS: 0, ...settings });
    logs.push(log);
    await log.ensureTopics([{ name: 'events', partitions: 1 }]);
    await log.publish(
      'events',
      Array.from({ length: 1200 }, (_, index) => ({ key: null, value: `${index}`.padStart(100, '0') })),
    );
    return log;
  };
  const bounds = async (log: EmbeddedLog) => (await log.offsets('events'))[0];
  const cursorAt = (next: number, state = next): Promise<unknown> =>
    test.database.writer.query(
      `INSERT INTO stream_cursor (consumer_group, topic, partition_no, next_offset, state_offset, epoch, generation, owner, updated_at)
       VALUES ('g', 'events', 0, ${next}, ${state}, 1, 1, 'me', 0)`,
    );

  it('deletes records older than the retention time, and continues their offsets', async () => {
    const log = await aLog();
    await log.housekeep(Date.now() + 71 * HOUR);
    expect(await bounds(log)).toEqual({ partition: 0, low: 0, high: 1200 });
    await log.housekeep(Date.now() + 73 * HOUR);
    expect(await bounds(log)).toEqual({ partition: 0, low: 1200, high: 1200 });
    await log.publish('events', [{ key: null, value: 'next' }]);
    expect(await bounds(log)).toEqual({ partition: 0, low: 1200, high: 1201 });
  });

  it('deletes the oldest records beyond the size limit', async () => {
    const log = await aLog({ RETENTION_BYTES: 50_000 });
    await log.housekeep(Date.now());
    expect(await bounds(log)).toEqual({ partition: 0, low: 700, high: 1200 });
  });

  it('never deletes records that a group has yet to process, or needs to rebuild its state', async () => {
    const log = await aLog();
    await cursorAt(900, 400);
    await log.housekeep(Date.now() + 100 * HOUR);
    expect(await bounds(log)).toEqual({ partition: 0, low: 400, high: 1200 });
  });

  describe('every half minute', () => {
    beforeEach(() => {
      jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'Date'] });
    });
    afterEach(() => {
      jest.useRealTimers();
    });

    it('is retried after a failure', async () => {
      const log = await aLog({ RETENTION_BYTES: 50_000 });
      const full = jest.spyOn(test.database, 'transaction').mockRejectedValue(new Error('disk is full'));
      await jest.advanceTimersByTimeAsync(30_000);
      expect(full).toHaveBeenCalledTimes(1);
      full.mockRestore();
      expect(await bounds(log)).toMatchObject({ low: 0 });
      await jest.advanceTimersByTimeAsync(30_000);
      expect(await bounds(log)).toMatchObject({ low: 700 });
    });

    it('finishes before the log is closed', async () => {
      const log = await aLog({ RETENTION_BYTES: 50_000 });
      const original = test.database.transaction.bind(test.database);
      let go!: () => void;
      const gate = new Promise<void>((resolve) => (go = resolve));
      jest.spyOn(test.database, 'transaction').mockImplementationOnce(async (work) => {
        await gate;
        return original(work);
      });
      await jest.advanceTimersByTimeAsync(30_000);
      const closing = log.close().then(() => bounds(log));
      go();
      expect(await closing).toMatchObject({ low: 700 });
    });
  });

  it('deletes only records that a stateless stage has processed, so that it reaches the end without a gap', async () => {
    const log = await aLog();
    await log.ensureTopics(['notes', 'notes.dlq'].map((name) => ({ name, partitions: 1 })));
    await log.publish(
      'notes',
      Array.from({ length: 40 }, (_, id) => ({ key: null, value: JSON.stringify({ id: `n${id}` }) })),
    );
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const seen: string[] = [];
    const platform = { database: test.database, eventLog: log, config: { BATCH_RECORDS: 10 } };
    const stage = await aConsumerApp(platform, aNoteTopic('notes'), { group: 'g' }, async ({ records }) => {
      if (seen.length === 20) await opened;
      seen.push(...records.map(({ message }) => message.id));
    });
    const cursor = async () => (await stage.app.get(CursorRepository).read('g', { topic: 'notes', partition: 0 }))?.nextOffset;
    const kept = async () => (await log.offsets('notes'))[0];
    await eventually(async () => (await cursor()) === 20, 'half of it');
    await log.housekeep(Date.now() + 100 * HOUR);
    expect(await kept()).toEqual({ partition: 0, low: 20, high: 40 });
    open();
    await eventually(async () => (await cursor()) === 40, 'the rest');
    expect(seen).toEqual(Array.from({ length: 40 }, (_, id) => `n${id}`));
    expect(stage.server.state()?.problem).toBeUndefined();
    await log.housekeep(Date.now() + 100 * HOUR);
    expect(await kept()).toEqual({ partition: 0, low: 40, high: 40 });
    await stage.close();
  });

  it('keeps all records across a restart', async () => {
    await (await aLog()).close();
    const again = new EmbeddedLog(test.database, { RETENTION_HOURS: 72, RETENTION_BYTES: 1e9, LINGER_MS: 0 });
    logs.push(again);
    await again.connect();
    expect(await bounds(again)).toEqual({ partition: 0, low: 0, high: 1200 });
    expect(await again.partitions('events')).toBe(1);
  });
});
