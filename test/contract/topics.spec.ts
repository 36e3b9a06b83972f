import { parseConfig } from '../../src/config.js';
import { CursorRepository } from '../../src/log/cursor.repository.js';
import type { EventLog } from '../../src/log/event-log.js';
import { tailQuery } from '../../src/ops/tail/tail-query.js';
import { TailService } from '../../src/ops/tail/tail.service.js';
import { TopicsService } from '../../src/ops/topics/topics.service.js';
import { deadLetterTopic, topics } from '../../src/topics.js';
import { aConsumerApp, aNoteTopic, type Note } from '../support/consumer-app.js';
import { eventually } from '../support/eventually.js';
import { anAdmin } from '../support/foreign-cluster.js';
import { aGrowth } from '../support/growth.js';
import { aKafkaLog, logs, type TestLog } from '../support/logs.js';
import { RecordingListener } from '../support/recording-listener.js';
import { AuditService } from '../../src/database/audit.service.js';
import { person } from '../../src/shared/actor.js';
import { parseRequest } from '../../src/shared/parse.js';

const event = (id: string, business = '2') => ({
  event_id: id,
  event_type: 'metric',
  bk_biz_id: business,
  event_source: 'test',
  timestamp: 1_700_000_000_000,
  raw_data: { metric: 'cpu', value: 1, dimensions: {} },
});

const NOW = Date.UTC(2026, 10, 20, 12);

describe.each(logs)('topics and their records (%s)', (name, open) => {
  const embedded = name.startsWith('embedded');
  const config = parseConfig(embedded ? {} : { KAFKA_BROKERS: 'x:1', DATABASE_URL: 'mysql://x/x' });
  let test: TestLog;
  let tail: TailService;
  let inventory: TopicsService;
  let number = 0;
  beforeAll(async () => {
    // Who only looks disturbs no group, and neither does a busy machine.
    test = await open({ KAFKA_SESSION_TIMEOUT_MS: '30000' });
    tail = new TailService(test.eventLog, config);
    inventory = new TopicsService(test.eventLog, new CursorRepository(test.database, config), config, new AuditService(test.database));
    await test.eventLog.ensureTopics([topics.rawEvents.name, deadLetterTopic(topics.rawEvents.name)].map((each) => ({ name: each, partitions: 4 })));
  });
  afterAll(() => test.close());

  const aTopic = async (partitions = 1): Promise<string> => {
    const topic = `shown-${number++}`;
    await test.eventLog.ensureTopics([{ name: topic, partitions }]);
    return topic;
  };
  const ask = (topic: string, query: Record<string, string> = {}) => tail.tail(topic, parseRequest(tailQuery, query));

  it('tail shows the newest records of all partitions in order of time, decoded, and why the others cannot be (O3)', async () => {
    const events = Array.from({ length: 8 }, (_, index) => ({ key: '2', value: JSON.stringify(event(`e${index}`)), partition: index % 4 }));
    const envelope = { key: '3', value: JSON.stringify({ v: 1, events: [event('x1', '3'), event('x2', '4')] }), partition: 1 };
    for (const record of [...events, envelope, { key: null, value: Buffer.from([123, 255]), partition: 3 }]) {
      await test.eventLog.publish('raw_events', [record]);
      const now = Date.now();
      await eventually(() => Date.now() > now, 'another time for the next one');
    }
    const { records, errors, complete } = await ask('raw_events', { n: '5' });
    expect(errors).toEqual([]);
    expect(complete).toBe(true);
    expect(records.slice(0, 3).map(({ message }) => (message as { event_id: string }).event_id)).toEqual(['e5', 'e6', 'e7']);
    expect(records[3]!.message).toMatchObject({ v: 1 });
    expect(records[4]).toMatchObject({ error: { code: 'T6001' }, hex: '7bff', partition: 3 });
    const found = await ask('raw_events', { key: '4', unfold: 'true' });
    expect(found.records.map(({ message, index }) => [index, (message as { event_id: string }).event_id])).toEqual([[1, 'x2']]);
    expect((await ask('raw_events', { grep: 'e3"' })).records.map(({ partition }) => partition)).toEqual([3]);
  });

  it('tail continues after the previous response, over all partitions, without gaps or duplicates (O3)', async () => {
    const topic = await aTopic(3);
    const first = await ask(topic);
    expect(first.records).toEqual([]);
    const values = Array.from({ length: 25 }, (_, index) => `v${String(index).padStart(2, '0')}`);
    await test.eventLog.publish(
      topic,
      values.map((value) => ({ key: value, value })),
    );
    const seen: string[] = [];
    let { next } = first;
    for (let round = 0; round < 10 && seen.length < values.length; round++) {
      const page = await ask(topic, { after: next, n: '10' });
      expect(page.records.length).toBeLessThanOrEqual(10);
      seen.push(...page.records.map(({ text }) => text!));
      next = page.next;
    }
    expect(seen.sort()).toEqual(values);
    expect((await ask(topic, { after: next })).records).toEqual([]);
  });

  it('tail disturbs no group: neither the list of groups nor what they have committed changes (O3)', async () => {
    const topic = await aTopic(2);
    await test.eventLog.publish(
      topic,
      Array.from({ length: 20 }, (_, index) => ({ key: `k${index}`, value: `v${index}` })),
    );
    const listener = new RecordingListener();
    const consumer = await test.eventLog.subscribe({ group: `reader-${topic}`, topics: [topic], maxRecords: 100, listener });
    await listener.received(20);
    // Other suites have groups on the same brokers; for us they are of nobody.
    const ours = async () => (await test.eventLog.topics.groups()).filter(({ stage }) => stage !== null);
    const look = async () => {
      const groups = await ours();
      return {
        groups: groups.map(({ group }) => group),
        members: groups.find(({ stage }) => stage === `reader-${topic}`)!.members,
        committed: [...(await test.eventLog.committed(`reader-${topic}`, topic))],
      };
    };
    const before = await look();
    expect(before.members).toHaveLength(1);
    const during: string[] = [];
    const watching = setInterval(() => void ours().then((groups) => during.push(...groups.map(({ group }) => group))), 50);
    for (let round = 0; round < 3; round++) expect((await ask(topic, { n: '20' })).records).toHaveLength(20);
    clearInterval(watching);
    expect(await look()).toEqual(before);
    expect([...new Set(during)].filter((group) => !before.groups.includes(group))).toEqual([]);
    await consumer.stop();
  });

  it('an unknown topic or partition is an error that says so (O3)', async () => {
    await expect(ask('nowhere')).rejects.toMatchObject({ code: 'T6401' });
    await expect(ask('raw_events', { partition: '9' })).rejects.toThrow('raw_events has partitions 0 to 3, not 9');
  });

  it('a topic is shown with leaders, copies, offsets, settings, and the groups that read it with their members (O4)', async () => {
    const topic = await aTopic(2);
    await test.eventLog.publish(
      topic,
      [0, 0, 1].map((partition) => ({ key: null, value: 'x', partition })),
    );
    const listener = new RecordingListener();
    const consumer = await test.eventLog.subscribe({ group: `shown-by-${topic}`, topics: [topic], maxRecords: 100, listener });
    await listener.received(3);
    await eventually(async () => (await inventory.get(topic)).groups[0]?.members[0]?.partitions.length === 2, 'a member with both partitions');
    const shown = await inventory.get(topic);
    await consumer.stop();
    expect(shown.partitions.map(({ partition, low, high }) => [partition, low, high])).toEqual([
      [0, 0, 2],
      [1, 0, 1],
    ]);
    expect(shown.partitions.every(({ leader, replicas, inSync }) => leader !== null && replicas.length === 1 && inSync.length === 1)).toBe(true);
    expect(Number(shown.config['retention.ms'])).toBeGreaterThan(0);
    expect(shown.groups).toMatchObject([{ stage: `shown-by-${topic}`, members: [{ partitions: [0, 1] }] }]);
    const line = (await inventory.list(true)).find((each) => each.name === topic);
    expect(line).toMatchObject({ partitions: 2, replication: 1, records: 3, leaderless: 0, under_replicated: 0 });
  });

  it('a topic is created as requested, once, and never with an unusable configuration (O5)', async () => {
    const topic = `made-${number++}`;
    expect(await inventory.create(topic, { partitions: 3, retention_hours: 5 }, person('ann'), NOW)).toMatchObject({ topics: [topic], refusals: [] });
    expect((await inventory.get(topic)).partitions).toHaveLength(3);
    await expect(inventory.create(topic, {}, person('ann'), NOW)).rejects.toMatchObject({ code: 'T6403' });
    await expect(inventory.create('a/b', {}, person('ann'), NOW)).rejects.toMatchObject({ code: 'T6402' });
    if (embedded) return;
    expect((await inventory.get(topic)).config['retention.ms']).toBe(String(5 * 3_600_000));
    await expect(inventory.create('other', { replication: 3 }, person('ann'), NOW)).rejects.toThrow(
      'replication 3 requires 3 brokers, but the cluster has 1',
    );
    await expect(inventory.create('other', { min_insync_replicas: 2 }, person('ann'), NOW)).rejects.toThrow('every write would fail');
  });
});

describe('topics on Kafka', () => {
  let test: TestLog;
  beforeAll(async () => {
    test = await aKafkaLog({ KAFKA_METADATA_MAX_AGE_MS: '2000' });
  });
  afterAll(() => test.close());
  const config = parseConfig({ KAFKA_BROKERS: 'x:1', DATABASE_URL: 'mysql://x/x' });

  it('changing a setting of a topic leaves the others that were set on it (O5)', async () => {
    const topics = new TopicsService(test.eventLog, new CursorRepository(test.database, config), config, new AuditService(test.database));
    await topics.create('kept', { retention_hours: 5, max_message_bytes: 100_000 }, person('ann'), NOW);
    await topics.configure('kept', { retention_hours: 7 }, person('ann'), NOW);
    const { config: now } = await topics.get('kept');
    expect([now['retention.ms'], now['max.message.bytes']]).toEqual([String(7 * 3_600_000), '100000']);
    await expect(topics.configure('kept', { min_insync_replicas: 3 }, person('ann'), NOW)).rejects.toMatchObject({ code: 'T6402' });
  });

  it('a topic that takes larger records has dead letters that take them too, and a smaller one leaves them room (O5)', async () => {
    const topics = new TopicsService(test.eventLog, new CursorRepository(test.database, config), config, new AuditService(test.database));
    await topics.create('roomy', {}, person('ann'), NOW);
    await topics.create('roomy.dlq', {}, person('ann'), NOW);
    const most = async (name: string) => Number((await topics.get(name)).config['max.message.bytes']);
    await topics.configure('roomy', { max_message_bytes: 3_000_000 }, person('ann'), NOW);
    expect(await most('roomy')).toBe(3_000_000);
    const room = await most('roomy.dlq');
    expect(room).toBeGreaterThan(3_000_000);
    await topics.configure('roomy', { max_message_bytes: 500_000 }, person('ann'), NOW);
    expect([await most('roomy'), await most('roomy.dlq')]).toEqual([500_000, room]);
  });

  it('a producer with outdated metadata never acknowledges a record for a new partition (O5)', async () => {
    await test.eventLog.ensureTopics([{ name: 'stale', partitions: 1 }]);
    await test.eventLog.publish('stale', [{ key: null, value: 'old', partition: 0 }]);
    await aGrowth(test.database, test.eventLog).expand('stale', { partitions: 2, dry_run: false, accept_disorder: true }, person('ann'), NOW);
    let acknowledged = 0;
    for (let index = 0; index < 5; index++) {
      await test.eventLog.publish('stale', [{ key: null, value: `new-${index}`, partition: 1 }]).then(
        () => acknowledged++,
        () => undefined,
      );
    }
    const [, added] = await test.eventLog.offsets('stale');
    expect(added!.high).toBe(acknowledged);
    expect(acknowledged).toBeGreaterThan(0);
  });

  it('grows a topic under load: nothing is lost, every key keeps its order in each partition, consumers find the new partitions (O5)', async () => {
    const topic = aNoteTopic('growing');
    await test.eventLog.ensureTopics([topic.name, deadLetterTopic(topic.name)].map((name) => ({ name, partitions: 2 })));
    const seen: { partition: number; id: string }[] = [];
    const app = await aConsumerApp(
      { database: test.database, eventLog: await test.another(), config: { KAFKA_SESSION_TIMEOUT_MS: 6000 } },
      topic,
      { group: 'growing' },
      (batch) => {
        for (const { message } of batch.records) seen.push({ partition: batch.partition, id: (message as Note).id });
        return Promise.resolve();
      },
    );
    let sent = 0;
    let acknowledged: string[] = [];
    let loading = true;
    const sender = async (log: EventLog, who: string): Promise<void> => {
      for (let turn = 0; loading; turn++) {
        const ids = Array.from({ length: 10 }, (_, key) => `${who}-${key}:${String(turn).padStart(5, '0')}`);
        sent += ids.length;
        await log
          .publish(
            topic.name,
            ids.map((id) => ({ key: id.split(':')[0]!, value: JSON.stringify({ id }) })),
          )
          .then(
            () => (acknowledged = [...acknowledged, ...ids]),
            () => undefined,
          );
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const senders = [sender(test.eventLog, 'a'), sender(await test.another(), 'b')];
    await eventually(() => seen.length > 200, 'load before the growth');
    const refused = await aGrowth(test.database, test.eventLog)
      .expand(topic.name, { partitions: 4, dry_run: true, accept_disorder: false }, person('ann'), NOW)
      .then(({ keys }) => keys);
    expect(refused).toEqual({ seen: 20, moving: expect.any(Number) as number });
    await aGrowth(test.database, test.eventLog).expand(topic.name, { partitions: 4, dry_run: false, accept_disorder: true }, person('ann'), NOW);
    // A log that has just been opened knows of the new partitions at once, as a replica that was started after the growth.
    senders.push(sender(await test.another(), 'c'));
    await eventually(() => new Set(seen.map(({ partition }) => partition)).size === 4, 'records from all four partitions');
    for (const who of ['a', 'b']) {
      await eventually(() => seen.some(({ id, partition }) => id.startsWith(`${who}-`) && partition > 1), `${who}, who ran before, notices`);
    }
    loading = false;
    await Promise.all(senders);
    await eventually(() => new Set(seen.map(({ id }) => id)).size >= acknowledged.length, 'everything acknowledged', 90_000);
    await app.close();
    const ids = new Set(seen.map(({ id }) => id));
    expect(acknowledged.filter((id) => !ids.has(id))).toEqual([]);
    expect(sent).toBeGreaterThanOrEqual(acknowledged.length);
    for (let partition = 0; partition < 4; partition++) {
      for (const key of new Set(seen.map(({ id }) => id.split(':')[0]!))) {
        const mine = seen.filter((each) => each.partition === partition && each.id.startsWith(`${key}:`)).map(({ id }) => id);
        expect(mine).toEqual([...mine].sort());
      }
    }
  });

  it('refuses to grow a topic of the stages while its group runs or is behind, and does it when that is over (O5)', async () => {
    const growth = aGrowth(test.database, test.eventLog);
    await test.eventLog.ensureTopics(['alerts', 'alerts.dlq'].map((name) => ({ name, partitions: 2 })));
    await test.eventLog.publish('alerts', [{ key: 'k', value: '{}', partition: 0 }]);
    const cursors = new CursorRepository(test.database, config);
    await cursors.claim('alert', { topic: 'alerts', partition: 0 }, 1, 0, Date.now());
    const request = { partitions: 4, dry_run: false, accept_disorder: false };
    await expect(growth.expand('alerts', request, person('ann'), NOW)).rejects.toThrow('alert: 1 records are not processed yet');
    const listener = new RecordingListener();
    const consumer = await test.eventLog.subscribe({ group: 'alert', topics: ['alerts'], maxRecords: 10, listener });
    await listener.received(1);
    await expect(growth.expand('alerts', request, person('ann'), NOW)).rejects.toThrow('alert: running. Stop every replica');
    await consumer.stop();
    await test.database.transaction(() => cursors.advance({ group: 'alert', topic: 'alerts', partition: 0, epoch: 1 }, 0, 1, Date.now(), false));
    expect(await growth.expand('alerts', request, person('ann'), NOW)).toMatchObject({ done: true, from: 2, to: 4, refusals: [] });
    const grown = await test.eventLog.topics.describe(['alerts', 'alerts.dlq']);
    expect(grown.map(({ name, partitions }) => [name, partitions.length])).toEqual([
      ['alerts', 4],
      ['alerts.dlq', 4],
    ]);
  });

  it('offsets of a topic come from the cluster as the tools of Kafka would show them (O4)', async () => {
    const admin = anAdmin({ brokers: process.env['KAFKA_BROKERS']!.split(',') });
    await admin.connect();
    await test.eventLog.ensureTopics([{ name: 'cut', partitions: 1 }]);
    await test.eventLog.publish(
      'cut',
      Array.from({ length: 10 }, () => ({ key: null, value: 'x' })),
    );
    await test.truncate('cut', 4);
    const [cut] = await test.eventLog.topics.describe(['cut']);
    const groups = (await admin.listGroups()).groups.map(({ groupId }) => groupId);
    await admin.disconnect();
    expect([cut!.partitions[0]!.low, cut!.partitions[0]!.high]).toEqual([4, 10]);
    expect((await test.eventLog.topics.groups()).map(({ group }) => group).sort()).toEqual(
      expect.arrayContaining(groups.filter((each) => each.includes('alert')).sort()),
    );
  });
});
