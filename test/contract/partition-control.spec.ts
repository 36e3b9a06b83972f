import { type Config, parseConfig } from '../../src/config.js';
import type { Batch } from '../../src/log/consuming/batch.js';
import { CursorRepository } from '../../src/log/cursor.repository.js';
import { Consumers } from '../../src/log/consuming/consumers.service.js';
import { HealthController } from '../../src/runtime/health.controller.js';
import type { PartitionPosition } from '../../src/ops/offsets/offsets.service.js';
import { type ConsumedPartition, PartitionCommands } from '../../src/ops/partition-control/partition-commands.service.js';
import { type Running, serve } from '../../src/app/serve.js';
import { deadLetterTopic } from '../../src/topics.js';
import { aConsumerApp, aNoteTopic, type ConsumerApp, type Note } from '../support/consumer-app.js';
import { eventually } from '../support/eventually.js';
import { servers } from '../support/installation.js';
import { anEmbeddedLog, aKafkaLog, type TestLog } from '../support/logs.js';
import { Client } from '../support/tocsin.js';
import { person } from '../../src/shared/actor.js';

const logs: [string, () => Promise<TestLog>][] = [
  ['embedded', () => anEmbeddedLog()],
  ...(process.env['KAFKA_BROKERS'] ? ([['Kafka', aKafkaLog]] as [string, () => Promise<TestLog>][]) : []),
];
const ann = { actor: person('ann'), why: 'the database is moved' };
const undecided = { acceptGap: false, from: undefined };

describe.each(logs)('paused and halted partitions (%s)', (_name, open) => {
  let test: TestLog;
  let running: ConsumerApp | undefined;
  let seen: string[];
  beforeAll(async () => {
    test = await open();
  });
  beforeEach(() => {
    seen = [];
  });
  afterEach(async () => {
    await running?.close();
    running = undefined;
  });
  afterAll(() => test.close());

  let number = 0;
  const aTopic = async (partitions: number) => {
    const topic = aNoteTopic(`held-${number++}`);
    await test.eventLog.ensureTopics([topic.name, deadLetterTopic(topic.name)].map((name) => ({ name, partitions })));
    return topic;
  };
  type Topic = ReturnType<typeof aNoteTopic>;
  const publish = (topic: Topic, partition: number, ids: readonly string[]): Promise<void> =>
    test.eventLog.publish(
      topic.name,
      ids.map((id) => ({ key: null, value: id === 'poison' ? 'not json' : JSON.stringify({ id }), partition })),
    );
  const start = async (topic: Topic, config: Partial<Config> = {}): Promise<void> => {
    const note = (batch: Batch<Note>): Promise<void> => {
      seen.push(...batch.records.map(({ message }) => message.id));
      return Promise.resolve();
    };
    running = await aConsumerApp({ database: test.database, eventLog: test.eventLog, config }, topic, { group: `g-${topic.name}` }, note);
  };
  const sees = (...ids: string[]): Promise<void> =>
    eventually(() => ids.every((id) => seen.includes(id)), `${ids.join(', ')}; seen ${seen.join(', ')}`);
  const commands = (): PartitionCommands => running!.app.get(PartitionCommands);
  const state = () => running!.server.state();
  const pauses = (): Promise<void> => eventually(() => (state()?.pauses?.length ?? 0) > 0, 'the owner knows of the pause');
  const stops = (code: string): Promise<void> => eventually(() => state()?.problem?.includes(code) ?? false, `a stop with ${code}`);
  const audited = async (action: string): Promise<object[]> =>
    test.database.query('SELECT actor_kind, actor_name, object_id, why, detail FROM audit WHERE action = ? ORDER BY id', [action]);
  const readiness = () => running!.app.get(HealthController).ready();
  const marker = async (topic: Topic, partition: number, id: string): Promise<void> => {
    await publish(topic, partition, [id]);
    await sees(id);
  };

  it('a paused partition stays paused over a restart, while the others continue; after resume no record is missing (C9)', async () => {
    const topic = await aTopic(2);
    await publish(topic, 0, ['a']);
    await publish(topic, 1, ['b']);
    await start(topic);
    await sees('a', 'b');
    const at = { group: `g-${topic.name}`, topic: topic.name, partition: 0 };
    await commands().pause(at, { ...ann, until: null }, Date.now());
    await pauses();
    expect(state()!.pauses).toMatchObject([{ partition: 0, by: 'ann', why: 'the database is moved' }]);
    expect(JSON.stringify(await readiness())).toContain(`${topic.name}/0 paused by ann since`);
    await publish(topic, 0, ['held']);
    await marker(topic, 1, 'c');
    await running!.close();
    await start(topic);
    await pauses();
    await marker(topic, 1, 'd');
    await marker(topic, 1, 'e');
    expect(seen).not.toContain('held');
    await commands().resume(at, { ...ann, ...undecided }, Date.now());
    await sees('held');
    expect(seen.filter((id) => id === 'held')).toHaveLength(1);
    expect(await audited('partition.paused')).toMatchObject([
      { actor_kind: 'person', actor_name: 'ann', object_id: `g-${topic.name} ${topic.name}/0` },
    ]);
    expect(await audited('partition.resumed')).toMatchObject([{ actor_name: 'ann', why: 'the database is moved' }]);
  });

  it('a pause ends by itself at its time, and a new one for the same partition replaces it (C9)', async () => {
    const topic = await aTopic(1);
    await start(topic);
    await marker(topic, 0, 'a');
    const at = { group: `g-${topic.name}`, topic: topic.name, partition: 0 };
    await commands().pause(at, { ...ann, until: null }, Date.now());
    await pauses();
    await publish(topic, 0, ['held']);
    const until = Date.now() + 2500;
    await commands().pause(at, { ...ann, until }, Date.now());
    await sees('held');
    expect(Date.now()).toBeGreaterThanOrEqual(until);
    expect(state()!.pauses).toBeUndefined();
  });

  it('records that retention has deleted are skipped on request only, with an audit row that lists them (C9)', async () => {
    const topic = await aTopic(1);
    await start(topic);
    await marker(topic, 0, 'a');
    await running!.close();
    await publish(topic, 0, ['lost-1', 'lost-2', 'kept']);
    await test.truncate(topic.name, 3);
    await start(topic);
    await stops('T6101');
    const at = { group: `g-${topic.name}` };
    await expect(commands().resume(at, { ...ann, ...undecided }, Date.now())).rejects.toMatchObject({
      code: 'T6204',
      message: expect.stringContaining('records 1 to 2 were deleted from the log; --accept-gap skips them and resumes at 3') as string,
    });
    await commands().resume(at, { ...ann, acceptGap: true, from: undefined }, Date.now());
    await sees('kept');
    expect(seen).toEqual(['a', 'kept']);
    expect((await audited('partition.records_skipped')).at(-1)).toMatchObject({
      detail: expect.stringContaining('records 1 to 2 were skipped') as string,
    });
    expect(state()!.problem).toBeUndefined();
  });

  it('a resume is rejected if the cursor was moved concurrently, and changes nothing (C9)', async () => {
    const topic = await aTopic(1);
    await start(topic);
    await marker(topic, 0, 'a');
    await running!.close();
    await publish(topic, 0, ['lost', 'kept']);
    await test.truncate(topic.name, 2);
    await start(topic);
    await stops('T6101');
    const at = { group: `g-${topic.name}`, topic: topic.name, partition: 0 };
    const cursors = running!.app.get(CursorRepository);
    const read = cursors.read.bind(cursors);
    // Right after the command has looked.
    jest.spyOn(cursors, 'read').mockImplementationOnce(async (...which) => {
      const cursor = await read(...which);
      await cursors.relocate(at.group, at, { nextOffset: 1, stateOffset: 1 }, cursor!.epoch, Date.now());
      return cursor;
    });
    const given = (await audited('partition.records_skipped')).length;
    const resume = () => commands().resume(at, { ...ann, acceptGap: true, from: undefined }, Date.now());
    await expect(resume()).rejects.toMatchObject({ code: 'T6205', message: expect.stringContaining(`${at.group} ${topic.name}/0`) as string });
    expect(await audited('partition.records_skipped')).toHaveLength(given);
    expect((await commands().list(Date.now())).find(({ group }) => group === at.group)!.holds).toMatchObject([{ code: 'T6101' }]);
    expect(await resume()).toMatchObject([{ movedTo: 2 }]);
    await sees('kept');
  });

  it('a recreated topic is consumed from the requested position only (C9)', async () => {
    const topic = await aTopic(1);
    await start(topic);
    await marker(topic, 0, 'a');
    await running!.close();
    await test.database.writer.query(`UPDATE stream_cursor SET next_offset = 1000, state_offset = 1000 WHERE topic = '${topic.name}'`);
    await start(topic);
    await stops('T6102');
    const at = { group: `g-${topic.name}` };
    await expect(commands().resume(at, { ...ann, acceptGap: true, from: undefined }, Date.now())).rejects.toMatchObject({ code: 'T6204' });
    await commands().resume(at, { ...ann, acceptGap: false, from: 'earliest' }, Date.now());
    await eventually(() => seen.filter((id) => id === 'a').length === 2, 'the first record again');
  });

  it('too much poison stops its own partition, for every later owner too, until people resume it (C15)', async () => {
    const topic = await aTopic(2);
    const poison = new Array<string>(40).fill('poison');
    const limits = { POISON_MAX_CONSECUTIVE: 20, BATCH_RECORDS: 10 };
    await publish(topic, 0, [...poison, 'behind']);
    await start(topic, limits);
    await stops('T6103');
    expect(state()!.problem).toBe(`${topic.name}/0: T6103 20 consecutive poison records`);
    const cursor = () => running!.app.get(CursorRepository).read(`g-${topic.name}`, { topic: topic.name, partition: 0 });
    expect((await cursor())!.nextOffset).toBe(20);
    await marker(topic, 1, 'the other');
    await running!.close();
    await start(topic, limits);
    await stops('T6103');
    await marker(topic, 1, 'and again');
    expect((await cursor())!.nextOffset).toBe(20);
    await commands().resume({ group: `g-${topic.name}` }, { ...ann, ...undecided }, Date.now());
    await eventually(async () => (await cursor())!.nextOffset === 40, 'the next stop');
    await stops('T6103');
    await commands().resume({ group: `g-${topic.name}` }, { ...ann, ...undecided }, Date.now());
    await sees('behind');
  });

  it('names what there is when it is asked for what there is not (C9)', async () => {
    const topic = await aTopic(1);
    await start(topic);
    await marker(topic, 0, 'a');
    const nothing = { group: `g-${topic.name}`, topic: topic.name, partition: 7 };
    await expect(commands().pause(nothing, { ...ann, until: null }, Date.now())).rejects.toMatchObject({
      code: 'T6203',
      message: expect.stringContaining(`g-${topic.name}`) as string,
    });
    await expect(commands().pause({ group: 'source.x' }, { ...ann, until: null }, Date.now())).rejects.toThrow('tocsin sources disable x');
    await expect(commands().resume({ group: 'source.x' }, { ...ann, ...undecided }, Date.now())).rejects.toMatchObject({
      code: 'T6203',
      message: expect.stringContaining('tocsin sources resume x') as string,
    });
  });
});

describe('paused partitions on two replicas', () => {
  const ALERTS = 40;
  let installation: Awaited<ReturnType<typeof servers>>;
  const replicas = new Map<string, { running: Running; client: Client }>();
  beforeAll(async () => {
    installation = await servers();
    for (const instance of ['a', 'b']) {
      const running = await serve(parseConfig({ ...installation.env, INSTANCE_ID: instance, LEASE_MS: '3000' }));
      replicas.set(instance, { running, client: new Client(running.url) });
    }
  });
  afterAll(async () => {
    for (const { running } of replicas.values()) await running.close();
    await installation.close();
  });

  it('a pause requested on one replica takes effect on the other, and so does the resume (C9)', async () => {
    const [asked, owner] = [replicas.get('a')!, replicas.get('b')!];
    const partitions = async (): Promise<ConsumedPartition[]> => {
      const { body } = await asked.client.get<{ partitions: ConsumedPartition[] }>('/api/v1/consumers');
      return body.partitions.filter(({ group }) => group === 'alert');
    };
    const positions = async (): Promise<PartitionPosition[]> =>
      (await asked.client.get<{ partitions: PartitionPosition[] }>('/api/v1/offsets?group=alert')).body.partitions;
    const told = () => owner.running.app.get(Consumers).find('alert')!.state()!;
    const count = async () => (await asked.client.alerts('?limit=100')).length;
    await eventually(async () => String((await partitions()).map((each) => each.owner).sort()) === 'a,b', 'a partition for each');
    const { topic, partition } = (await partitions()).find((each) => each.owner === 'b')!;
    const which = { group: 'alert', topic, partition };
    await asked.client.post('/api/v1/consumers/pause', { ...which, by: 'ann', why: ann.why });
    await eventually(() => told().pauses !== undefined, 'the owner to know');
    expect(told()).toMatchObject({ paused: [{ topic, partition }], pauses: [{ partition, by: 'ann', why: 'the database is moved' }] });
    expect(JSON.stringify((await owner.client.get('/health/ready')).body)).toContain(`${topic}/${partition} paused by ann since`);
    const before = await positions();
    await asked.client.post(
      '/api/v2/alerts',
      Array.from({ length: ALERTS }, (_, index) => ({ labels: { alertname: 'Any', instance: `i-${index}` } })),
    );
    const published = (all: readonly PartitionPosition[]): number => all.reduce((sum, { high }) => sum + high, 0);
    await eventually(async () => published(await positions()) === published(before) + ALERTS, 'everything to be published');
    await eventually(async () => (await positions()).every((each) => each.partition === partition || each.lag === 0), 'the other partition');
    const { lag, cursor } = (await positions()).find((each) => each.partition === partition)!;
    expect(cursor).toBe(before.find((each) => each.partition === partition)!.cursor);
    expect(lag).toBeGreaterThan(0);
    expect(await count()).toBe(ALERTS - lag);
    await asked.client.post('/api/v1/consumers/resume', { ...which, by: 'ann', why: ann.why });
    await eventually(async () => (await count()) === ALERTS, 'the rest');
    expect((await partitions()).find((each) => each.partition === partition)).toMatchObject({ owner: 'b', holds: [] });
    expect(told().pauses).toBeUndefined();
  });
});
