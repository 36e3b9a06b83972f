import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Config } from '../../src/config.js';
import type { Batch } from '../../src/log/consuming/batch.js';
import { CursorRepository } from '../../src/log/cursor.repository.js';
import type { GroupConsumer, EventLog, RecordBatch } from '../../src/log/event-log.js';
import { Metrics } from '../../src/runtime/metrics.service.js';
import { deadLetterTopic } from '../../src/topics.js';
import { aConsumerApp, aNoteTopic, type ConsumerApp, type Note } from '../support/consumer-app.js';
import { eventually } from '../support/eventually.js';
import { aKafkaLog, type TestLog } from '../support/logs.js';
import { RecordingListener } from '../support/recording-listener.js';

const SESSION_MS = 30_000;
const settings = {
  KAFKA_SESSION_TIMEOUT_MS: String(SESSION_MS),
  KAFKA_HEARTBEAT_INTERVAL_MS: '300',
  KAFKA_FETCH_MAX_WAIT_MS: '100',
  KAFKA_REBALANCE_DRAIN_MS: '1000',
};

const ids = (count: number, from = 0): string[] => Array.from({ length: count }, (_, index) => `n${String(from + index).padStart(5, '0')}`);

interface Readiness {
  readonly details: { readonly assignment: Readonly<Record<string, { readonly status: string }>> };
}

/** A gate at which work waits until it is opened. */
function aGate() {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
}

describe('a rebalance on Kafka', () => {
  let test: TestLog;
  let number = 0;
  const open: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    test = await aKafkaLog(settings);
    await test.database.writer.query('CREATE TABLE effect (id VARCHAR(64) NOT NULL, at INT AUTO_INCREMENT PRIMARY KEY)');
  });
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
    await test.database.writer.query('DELETE FROM effect');
  });
  afterAll(() => test.close());

  const aTopic = async (partitions: number): Promise<string> => {
    const topic = `moving-${number++}`;
    await test.eventLog.ensureTopics([topic, deadLetterTopic(topic)].map((name) => ({ name, partitions })));
    return topic;
  };
  const publish = async (topic: string, all: readonly string[]): Promise<void> => {
    const count = await test.eventLog.partitions(topic);
    await test.eventLog.publish(
      topic,
      all.map((id, index) => ({ key: null, value: JSON.stringify({ id }), partition: index % count })),
    );
  };
  const member = async (group: string, topic: string, log: EventLog = test.eventLog, listener = new RecordingListener()) => {
    const consumer = await log.subscribe({ group, topics: [topic], maxRecords: 10, listener });
    open.push(() => consumer.stop());
    return { consumer, listener };
  };
  const owned = ({ consumer }: { consumer: GroupConsumer }): number[] =>
    consumer
      .state()
      .assigned.map(({ partition }) => partition)
      .sort((a, b) => a - b);
  const balanced = (members: readonly { consumer: GroupConsumer }[], sizes: readonly number[]): Promise<void> =>
    eventually(
      () => {
        const states = members.map(({ consumer }) => consumer.state());
        const all = states.map(({ assigned }) => assigned.length).sort((a, b) => a - b);
        return states.every(({ status, paused }) => status === 'running' && paused.length === 0) && String(all) === String(sizes);
      },
      `members with ${sizes.join(', ')} partitions`,
    );
  const store = (batch: Batch<Note>): Promise<void> =>
    test.database.insert(
      'effect',
      ['id'],
      batch.records.map(({ message }) => [message.id]),
    );
  const effects = async (): Promise<string[]> => (await test.database.query<{ id: string }>('SELECT id FROM effect ORDER BY id')).map(({ id }) => id);
  const app = async (
    topic: string,
    who: string,
    handle: (batch: Batch<Note>) => Promise<void>,
    options: { log?: EventLog; stateful?: boolean; config?: Partial<Config> } = {},
  ): Promise<ConsumerApp> => {
    const config = { BATCH_RECORDS: 10, DETECT_BATCH_RECORDS: 10, INSTANCE_ID: who, KAFKA_SESSION_TIMEOUT_MS: SESSION_MS, ...options.config };
    const consume = { group: `g-${topic}`, stateful: options.stateful ?? false };
    const running = await aConsumerApp(
      { database: test.database, eventLog: options.log ?? test.eventLog, config },
      aNoteTopic(topic),
      consume,
      handle,
    );
    open.push(() => running.close());
    return running;
  };
  /** One that waits in each batch until its gate is opened. */
  const gated = async (topic: string, who: string) => {
    const gate = aGate();
    let entered = 0;
    const running = await app(topic, who, async (batch) => {
      entered++;
      await gate.opened;
      await store(batch);
    });
    return { ...running, open: gate.open, entered: () => entered };
  };
  const claimed = (running: readonly ConsumerApp[], sizes: readonly number[]): Promise<void> =>
    eventually(() => String(running.map(({ server }) => server.claims().length).sort()) === String(sizes), `claims of ${sizes.join(', ')}`);

  it('keeps assignments as far as balance allows when members join and leave (C4)', async () => {
    const topic = await aTopic(6);
    const first = await member('sticky', topic);
    await balanced([first], [6]);
    const second = await member('sticky', topic, await test.another());
    await balanced([first, second], [3, 3]);
    const [had, other] = [owned(first), owned(second)];
    const third = await member('sticky', topic, await test.another());
    await balanced([first, second, third], [2, 2, 2]);
    expect(had).toEqual(expect.arrayContaining(owned(first)));
    expect(other).toEqual(expect.arrayContaining(owned(second)));
    const before = owned(first);
    await second.consumer.stop();
    await balanced([first, third], [3, 3]);
    expect(owned(first)).toEqual(expect.arrayContaining(before));
    expect(first.consumer.state().rebalance).toMatchObject({ kept: 2, gained: 1, lost: 0 });
    expect([...owned(first), ...owned(third)].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('continues during a rolling change of the assignment strategy (C4)', async () => {
    const topic = await aTopic(4);
    const before = await member('rolling', topic, await test.another({ KAFKA_ASSIGNER: 'range' }));
    await balanced([before], [4]);
    const sticky = await member('rolling', topic);
    await balanced([before, sticky], [2, 2]);
    const turning = await member('rolling', topic, await test.another({ KAFKA_ASSIGNER: 'round_robin' }));
    await balanced([before, sticky, turning], [1, 1, 2]);
    await before.consumer.stop();
    await balanced([sticky, turning], [2, 2]);
    expect([...owned(sticky), ...owned(turning)].sort()).toEqual([0, 1, 2, 3]);
  });

  it('is preceded by a commit and a checkpoint of what a stage with memory has handled, so that nothing is replayed (C8)', async () => {
    const topic = await aTopic(4);
    const checkpoints: number[] = [];
    const seen: string[] = [];
    const first = await app(
      topic,
      'first',
      (batch) => {
        if (batch.leaving && !batch.replay) {
          checkpoints.push(batch.partition);
          batch.checkpointed();
        }
        seen.push(...batch.records.map(({ message }) => message.id));
        return Promise.resolve();
      },
      { stateful: true, config: { DETECT_COMMIT_MS: 3_600_000 } },
    );
    await claimed([first], [4]);
    await publish(topic, ids(40));
    await eventually(() => seen.length === 40, 'the records');
    const cursors = async () => (await first.app.get(CursorRepository).all()).filter((each) => each.topic === topic);
    expect((await cursors()).map(({ nextOffset }) => nextOffset)).toEqual([0, 0, 0, 0]);
    const late: string[] = [];
    const second = await app(
      topic,
      'second',
      (batch) => {
        late.push(...batch.records.map(({ message }) => message.id));
        return Promise.resolve();
      },
      { log: await test.another(), stateful: true, config: { DETECT_COMMIT_MS: 100 } },
    );
    await claimed([first, second], [2, 2]);
    expect(checkpoints.sort()).toEqual([0, 1, 2, 3]);
    expect((await cursors()).map(({ nextOffset, stateOffset }) => [nextOffset, stateOffset])).toEqual(Array(4).fill([10, 10]));
    await publish(topic, ids(40, 40));
    await eventually(() => seen.length + late.length === 80, 'the other records');
    expect([...seen, ...late].sort()).toEqual(ids(80));
    const told = await test.eventLog.committed(`g-${topic}`, topic);
    expect([...told.values()].every((next) => next >= 10)).toBe(true);
  });

  it('does not wait for a batch that does not end, and what that still does has no effect twice (C8)', async () => {
    const topic = await aTopic(4);
    const gate = aGate();
    let stuck = 0;
    await publish(topic, ids(40));
    await app(topic, 'first', async (batch) => {
      if (batch.records.some(({ message }) => message.id < 'n00004') && stuck++ < 4) await gate.opened;
      await store(batch);
    });
    open.push(() => Promise.resolve(gate.open()));
    await eventually(() => stuck === 4, 'four batches that do not end');
    const second = await app(topic, 'second', store, { log: await test.another() });
    await eventually(() => (second.server.state()?.assigned.length ?? 0) === 2, 'the group to go on without the batches');
    gate.open();
    await eventually(async () => (await effects()).length >= 40, 'all effects');
    await publish(topic, ids(40, 40));
    await eventually(async () => (await effects()).length >= 80, 'all other effects');
    expect(await effects()).toEqual(ids(80));
  });

  it('handles nothing of what was fetched before, once the broker has refused the member (C8)', async () => {
    const topic = await aTopic(8);
    const gate = aGate();
    const early: RecordBatch[] = [];
    const listener = new RecordingListener();
    let calls = 0;
    listener.onBatch = async (batch) => {
      calls++;
      const { rebalance, status } = first.consumer.state();
      if (rebalance?.count === 1 && status !== 'running') early.push(batch);
      if (rebalance?.count === 1) await gate.opened;
    };
    await publish(topic, ids(800));
    const first = await member('poisoned', topic, test.eventLog, listener);
    await eventually(() => calls >= 4, 'as many batches as are handled at once');
    const second = await member('poisoned', topic, await test.another());
    await eventually(() => first.consumer.state().status === 'rebalancing', 'the refusal');
    gate.open();
    await balanced([first, second], [4, 4]);
    expect(early).toEqual([]);
    await eventually(() => new Set([...listener.values(), ...second.listener.values()]).size === 800, 'all records');
  });

  it('is visible in readiness and metrics: what was kept, gained and lost, and how long nothing went on (C8)', async () => {
    const topic = await aTopic(4);
    const first = await gated(topic, 'first');
    await claimed([first], [4]);
    await publish(topic, ids(40));
    await eventually(() => first.entered() > 0, 'a batch');
    const second = app(topic, 'second', store, { log: await test.another() });
    const ready = async () => (await (first.app as NestFastifyApplication).inject('/health/ready')).json() as Readiness;
    await eventually(async () => (await ready()).details.assignment[`g-${topic}`]!.status === 'rebalancing', 'the word of the broker');
    // What is under way when everything stops may end, and does not end the time without progress.
    first.open();
    await claimed([first, await second], [2, 2]);
    await publish(topic, ids(40, 40));
    await eventually(async () => (await effects()).length >= 80, 'all effects');
    expect((await ready()).details.assignment[`g-${topic}`]).toMatchObject({
      status: 'running',
      assigned: 2,
      reassigned: { count: 2, kept: 2, gained: 0, lost: 2 },
    });
    const value = async (name: string, labels = ''): Promise<number> => {
      const text = await first.app.get(Metrics).text();
      const line = text.split('\n').find((each) => each.startsWith(`${name}{group="g-${topic}"${labels}}`));
      return Number(line?.split(' ')[1]);
    };
    expect(await value('tocsin_consumer_rebalances_total')).toBe(2);
    expect(await value('tocsin_consumer_rebalance_partitions_total', ',change="gained"')).toBe(4);
    expect(await value('tocsin_consumer_rebalance_partitions_total', ',change="lost"')).toBe(2);
    await eventually(async () => (await value('tocsin_consumer_rebalance_stall_seconds_count')) > 0, 'the time without progress');
    expect(await value('tocsin_consumer_rebalance_stall_seconds_count')).toBe(1);
    expect(await value('tocsin_consumer_rebalance_stall_seconds_sum')).toBeGreaterThan(0);
    expect(await value('tocsin_consumer_batch_duration_seconds_count')).toBeGreaterThan(0);
    expect(await value('tocsin_consumer_commit_duration_seconds_count')).toBeGreaterThan(0);
    expect(await value('tocsin_consumer_poll_interval_seconds_count')).toBeGreaterThan(0);
  });

  it('follows a graceful shutdown immediately: the batch is finished, offsets are committed, and no session timeout elapses (C16)', async () => {
    const topic = await aTopic(2);
    const first = await gated(topic, 'first');
    await claimed([first], [2]);
    await publish(topic, ids(20));
    await eventually(() => first.entered() > 0, 'a batch');
    const handled = first.entered() * 10;
    const closing = first.close();
    first.open();
    await closing;
    expect((await effects()).length).toBeGreaterThanOrEqual(handled);
    const told = [...(await test.eventLog.committed(`g-${topic}`, topic)).values()].reduce((sum, next) => sum + next, 0);
    expect(told).toBe((await effects()).length);
    const left = Date.now();
    const second = await app(topic, 'second', store, { log: await test.another() });
    await claimed([second], [2]);
    expect(Date.now() - left).toBeLessThan(SESSION_MS / 2);
    await eventually(async () => (await effects()).length >= 20, 'the rest');
    expect(await effects()).toEqual(ids(20));
  });

  it('is not blocked by a shutdown whose batch does not end: the member leaves in time (C16)', async () => {
    const topic = await aTopic(2);
    const gate = aGate();
    const stuck = new RecordingListener();
    let entered = false;
    stuck.onBatch = () => {
      entered = true;
      return gate.opened;
    };
    open.push(() => Promise.resolve(gate.open()));
    await publish(topic, ids(20));
    const first = await member('stuck', topic, await test.another({ SHUTDOWN_MS: '1000', KAFKA_REBALANCE_DRAIN_MS: '60000' }), stuck);
    await eventually(() => entered, 'a batch that does not end');
    let left = false;
    void first.consumer.stop().then(() => (left = true));
    await eventually(() => left, 'the member to leave although its batch runs', 5000);
    const rest = await member('stuck', topic);
    await rest.listener.received(20);
  });

  it('does not keep a member that stops while others are still busy (C16)', async () => {
    const topic = await aTopic(3);
    const gate = aGate();
    const slow = new RecordingListener();
    const busy = await member('leaving', topic, await test.another({ KAFKA_REBALANCE_DRAIN_MS: '60000' }), slow);
    const stopping = await member('leaving', topic);
    await balanced([busy, stopping], [1, 2]);
    let entered = false;
    slow.onBatch = async () => {
      entered = true;
      await gate.opened;
    };
    open.push(() => Promise.resolve(gate.open()));
    await publish(topic, ids(30));
    await eventually(() => entered, 'a batch that does not end');
    const third = await member('leaving', topic, await test.another());
    await eventually(() => stopping.consumer.state().status === 'rebalancing', 'the rebalance');
    let left = false;
    const leaving = stopping.consumer.stop().then(() => (left = true));
    await eventually(() => left, 'the member to leave although the group waits for another', 5000);
    await leaving;
    gate.open();
    await balanced([busy, third], [1, 2]);
    expect((await test.eventLog.members('leaving')).length).toBe(2);
  });
});
