import { parseConfig } from '../config.js';
import { CursorRepository } from '../log/cursor.repository.js';
import type { EventLog, OutgoingRecord } from '../log/event-log.js';
import { PublishError } from '../log/publish-error.js';
import { jsonSerializer } from '../log/serializer.js';
import { PoisonError } from '../shared/errors.js';
import { aSqlite, type TestDatabase } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { SourceRepository } from '../access/registry/source.repository.js';
import { SourceClaims } from './source-claims.service.js';
import { SourcePartition, type SourcedEvent } from './source-partition.service.js';
import { SourcePublisher } from './source-publisher.service.js';

const at = { topic: 't', partition: 0 };
const control = { heartbeat: () => Promise.resolve(), commit: () => Promise.resolve() };
const event = (text: string, offset = 0): SourcedEvent => ({ key: 'k', json: JSON.stringify(text), bytes: text.length + 2, offset });
const to = (partition: number, ...texts: string[]) => new Map([[partition, texts.map((text, offset) => event(text, offset))]]);

describe('a partition of a source on its way into the log', () => {
  let test: TestDatabase;
  let cursors: CursorRepository;
  beforeEach(async () => {
    test = await aSqlite();
    cursors = new CursorRepository(test.database, parseConfig({ INSTANCE_ID: 'me' }));
  });
  afterEach(() => test.close());

  /** A source partition whose publishes settle as `answer` does, and the published records by partition. */
  async function aFlow(answer: () => Promise<void> = () => Promise.resolve()) {
    const arrived: Record<string, string[]> = {};
    const publish = async (topic: string, records: readonly OutgoingRecord[]): Promise<void> => {
      const texts = records.flatMap(({ value, partition }) => {
        const parsed = topic === 'raw_events' ? (JSON.parse(String(value)) as string | { events: string[] }) : String(value);
        return (typeof parsed === 'string' ? [parsed] : parsed.events).map((text) => [`${topic}/${partition ?? ''}`, text] as const);
      });
      // A publish that is not acknowledged may have been stored.
      if (Math.random() < 0.5) for (const [where, text] of texts) (arrived[where] ??= []).push(text);
      else {
        await answer();
        for (const [where, text] of texts) (arrived[where] ??= []).push(text);
        return;
      }
      await answer();
    };
    return { ...(await aFlowInto({ publish })), arrived };
  }

  async function aFlowInto({ publish, stage = () => Promise.resolve() }: Pick<EventLog, 'publish'> & Partial<Pick<EventLog, 'stage'>>) {
    const { epoch } = (await cursors.claim('source.a', at, 1, 0, Date.now()))!;
    const fenced: unknown[] = [];
    const refusals: unknown[] = [];
    const eventLog = { publish, serializer: jsonSerializer, stage, staged: () => undefined };
    const flow = new SourcePartition('a', at, epoch, 0, {
      claims: new SourceClaims(test.database, new SourceRepository(test.database), cursors),
      publisher: new SourcePublisher(eventLog as unknown as EventLog, test.database, parseConfig({ ENVELOPE_EVENTS: '200' })),
      commitMs: 1,
      retryMs: 1,
      failed: () => undefined,
      refused: (...refusal) => refusals.push(refusal),
      committed: () => undefined,
      fenced: (lost) => fenced.push(lost),
    });
    return { flow, fenced, refusals, cursor: async () => (await cursors.read('source.a', at))!.nextOffset };
  }

  /** A log with a maximum record size for each topic; collects the published records, and the records staged in the outbox. */
  function aSmallLog(most: Record<string, number>) {
    const arrived: Record<string, string[]> = {};
    const staged: string[] = [];
    const publish = (topic: string, records: readonly OutgoingRecord[]): Promise<void> => {
      const refused = records.flatMap(({ value }, index) => (Buffer.byteLength(value!) > most[topic]! ? [index] : []));
      (arrived[topic] ??= []).push(...records.filter((_, index) => !refused.includes(index)).map(({ value }) => String(value)));
      return refused.length === 0 ? Promise.resolve() : Promise.reject(new PublishError('too large', 'MESSAGE_TOO_LARGE', refused));
    };
    const stage = (records: readonly (OutgoingRecord & { topic: string })[]): Promise<void> => {
      for (const { topic, value } of records) staged.push(`${topic} ${String(value)} ${test.database.inTransaction ? 'in a transaction' : ''}`);
      return Promise.resolve();
    };
    return { arrived, staged, publish, stage };
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
    // Only the first arrival of each event counts: duplicates are dropped by id.
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

  it('waits for dead letter records as for events', async () => {
    const { flow, arrived, cursor } = await aFlow();
    const record = { offset: 0, timestamp: 0, key: null, value: Buffer.from('bad'), headers: {} };
    flow.take(to(0, 'a'), [{ record, error: new PoisonError('T6002', 'bad') }], 2, control, 0);
    await eventually(async () => (await cursor()) === 2, 'the cursor at the end');
    expect(arrived).toEqual({ 'raw_events/0': ['a'], 'raw_events.dlq/': ['bad'] });
  });

  it('sends an event that is too large for the log to the dead-letter topic, and continues', async () => {
    const log = aSmallLog({ raw_events: 60, 'raw_events.dlq': 1000 });
    const { flow, cursor } = await aFlowInto(log);
    flow.take(to(0, 'a', 'b'.repeat(100), 'c'), [], 3, control, 0);
    flow.take(to(0, 'd'), [], 4, control, 0);
    await eventually(async () => (await cursor()) === 4, 'the cursor at the end');
    expect(log.arrived).toEqual({ raw_events: ['"a"', '"c"', '"d"'], 'raw_events.dlq': [JSON.stringify('b'.repeat(100))] });
    expect(log.staged).toEqual([]);
  });

  it('says of an event that raw_events is too small for which record it came in, and counts it', async () => {
    const letters: unknown[] = [];
    const log = aSmallLog({ raw_events: 60, 'raw_events.dlq': 500 });
    const publish = (topic: string, records: readonly OutgoingRecord[]): Promise<void> => {
      if (topic === 'raw_events.dlq') letters.push(...records.map(({ headers }) => headers!['tocsin-offset']));
      return log.publish(topic, records);
    };
    const { flow, refusals, cursor } = await aFlowInto({ ...log, publish });
    flow.take(to(0, 'a', 'b', 'c'.repeat(100), 'd', 'e'.repeat(100)), [], 5, control, 0);
    await eventually(async () => (await cursor()) === 5, 'the cursor at the end');
    expect(letters).toEqual(['2', '4']);
    expect(refusals).toEqual([['T1104', 2]]);
  });

  it('leaves a dead letter record that exceeds max.message.bytes of the dead-letter topic to the outbox, without blocking later records', async () => {
    const log = aSmallLog({ raw_events: 60, 'raw_events.dlq': 50 });
    const { flow, cursor } = await aFlowInto(log);
    const record = (value: string) => ({ offset: 0, timestamp: 0, key: null, value: Buffer.from(value), headers: {} });
    const refused = ['bad', 'x'.repeat(80), 'worse'].map((value) => ({ record: record(value), error: new PoisonError('T6002', 'bad') }));
    flow.take(to(0, 'a', 'b'.repeat(100)), refused, 5, control, 0);
    flow.take(to(0, 'c'), [], 6, control, 0);
    await eventually(async () => (await cursor()) === 6, 'the cursor at the end');
    expect(log.arrived).toEqual({ raw_events: ['"a"', '"c"'], 'raw_events.dlq': ['bad', 'worse'] });
    expect(log.staged.sort()).toEqual([`raw_events.dlq "${'b'.repeat(100)}" in a transaction`, `raw_events.dlq ${'x'.repeat(80)} in a transaction`]);
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

  it('stops when another replica has acquired the partition', async () => {
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
