import { parseConfig } from '../../config.js';
import { CursorRepository } from '../../log/cursor.repository.js';
import type { OutgoingRecord } from '../../log/log.js';
import { jsonSerializer } from '../../log/serializer.js';
import { PoisonError } from '../../shared/errors.js';
import { aSqlite, type TestDatabase } from '../../../test/support/database.js';
import { eventually } from '../../../test/support/eventually.js';
import type { Encoded } from '../envelope.js';
import { PartitionFlow } from './partition-flow.service.js';

const at = { topic: 't', partition: 0 };
const control = { heartbeat: () => Promise.resolve(), commit: () => Promise.resolve() };
const event = (text: string): Encoded => ({ key: 'k', json: JSON.stringify(text), bytes: text.length + 2 });
const to = (partition: number, ...texts: string[]) => new Map([[partition, texts.map(event)]]);

describe('a partition of a source on its way into the log', () => {
  let test: TestDatabase;
  let cursors: CursorRepository;
  beforeEach(async () => {
    test = await aSqlite();
    cursors = new CursorRepository(test.database, parseConfig({ INSTANCE_ID: 'me' }));
  });
  afterEach(() => test.close());

  /** A flow whose log does with a publish what `answer` says, and what has arrived there by partition. */
  async function aFlow(answer: () => Promise<void> = () => Promise.resolve()) {
    const { epoch } = (await cursors.claim('source.a', at, 1, 0, Date.now()))!;
    const arrived: Record<string, string[]> = {};
    const fenced: unknown[] = [];
    const publish = async (topic: string, records: readonly OutgoingRecord[]): Promise<void> => {
      const texts = records.flatMap(({ value, partition }) => {
        const parsed = topic === 'raw_events' ? (JSON.parse(String(value)) as string | { events: string[] }) : String(value);
        return (typeof parsed === 'string' ? [parsed] : parsed.events).map((text) => [`${topic}/${partition ?? ''}`, text] as const);
      });
      // A publish that is not confirmed may have arrived.
      if (Math.random() < 0.5) for (const [where, text] of texts) (arrived[where] ??= []).push(text);
      else {
        await answer();
        for (const [where, text] of texts) (arrived[where] ??= []).push(text);
        return;
      }
      await answer();
    };
    const flow = new PartitionFlow('a', at, epoch, 0, {
      database: test.database,
      cursors,
      log: { publish, serializer: jsonSerializer },
      envelopeEvents: 200,
      commitMs: 1,
      retryMs: 1,
      failed: () => undefined,
      committed: () => undefined,
      fenced: (lost) => fenced.push(lost),
    });
    return { flow, arrived, fenced, cursor: async () => (await cursors.read('source.a', at))!.nextOffset };
  }

  it('keeps the order of every partition of the log although publishes fail, and loses nothing', async () => {
    let calls = 0;
    const { flow, arrived, cursor } = await aFlow(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      if (++calls % 3 !== 0) throw new Error('not now');
    });
    for (let batch = 0; batch < 12; batch++) {
      await flow.room(4, 10_000);
      flow.take(new Map([0, 1].map((partition) => [partition, [event(`${batch}a`), event(`${batch}b`)]])), [], (batch + 1) * 10, control, 0);
    }
    await eventually(async () => (await cursor()) === 120, 'the cursor at the end');
    const order = Array.from({ length: 12 }, (_, batch) => [`${batch}a`, `${batch}b`]).flat();
    // The first time that each arrives: a repetition is dropped by its id.
    for (const partition of [0, 1]) expect([...new Set(arrived[`raw_events/${partition}`])]).toEqual(order);
  });

  it('moves the cursor only over what is done without a hole', async () => {
    let letThrough = (): void => undefined;
    const stuck = new Promise<void>((resolve) => (letThrough = resolve));
    let calls = 0;
    const { flow, cursor } = await aFlow(() => (++calls === 1 ? stuck : Promise.resolve()));
    flow.take(to(0, 'a'), [], 10, control, 0);
    flow.take(to(1, 'b'), [], 20, control, 0);
    flow.take(new Map(), [], 30, control, 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([flow.window.next, await cursor()]).toEqual([30, 0]);
    expect(await flow.room(3, 0)).toBe(false);
    letThrough();
    await eventually(async () => (await cursor()) === 30, 'the cursor at the end');
  });

  it('waits for dead letters as for events', async () => {
    const { flow, arrived, cursor } = await aFlow();
    const record = { offset: 0, timestamp: 0, key: null, value: Buffer.from('bad'), headers: {} };
    flow.take(to(0, 'a'), [{ record, error: new PoisonError('T6002', 'bad') }], 2, control, 0);
    await eventually(async () => (await cursor()) === 2, 'the cursor at the end');
    expect(arrived).toEqual({ 'raw_events/0': ['a'], 'raw_events.dlq/': ['bad'] });
  });

  it('commits one at a time, however long a commit takes, and never fences itself off', async () => {
    const { flow, fenced, cursor } = await aFlow();
    const advance = cursors.advance.bind(cursors);
    jest.spyOn(cursors, 'advance').mockImplementation(async (...given) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return advance(...given);
    });
    for (let next = 1; next <= 40; next++) {
      flow.take(to(0, String(next)), [], next, control, 0);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await eventually(async () => (await cursor()) === 40, 'the cursor at the end');
    expect(fenced).toEqual([]);
  });

  it('stops when somebody else has claimed the partition', async () => {
    const { flow, fenced, cursor } = await aFlow();
    const other = new CursorRepository(test.database, parseConfig({ INSTANCE_ID: 'other' }));
    await other.claim('source.a', at, 2, 0, Date.now());
    flow.take(to(0, 'a'), [], 1, control, 0);
    await eventually(() => fenced.length === 1, 'fenced');
    await flow.release(0);
    expect(await cursor()).toBe(0);
    expect((await other.all())[0]!.owner).toBe('other');
  });

  it('lets others have the partition when it ends, and says how far it came', async () => {
    const { flow } = await aFlow();
    flow.take(to(0, 'a'), [], 5, control, 0);
    await flow.drain(1000);
    flow.close();
    await flow.release(0);
    expect((await cursors.all())[0]).toMatchObject({ owner: '', nextOffset: 5 });
  });
});
