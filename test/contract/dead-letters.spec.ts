import { randomBytes } from 'node:crypto';
import { parseConfig } from '../../src/config.js';
import { EventLog, type LogRecord } from '../../src/log/event-log.js';
import type { DeadLetterPage, Redriven } from '../../src/ops/dead-letters/dead-letters.service.js';
import type { DeadLetterDetail } from '../../src/ops/dead-letters/dead-letters.controller.js';
import { type Running, serve } from '../../src/app/serve.js';
import { eventually } from '../support/eventually.js';
import { anAdmin, createTopic } from '../support/foreign-cluster.js';
import { type Installation, installations, servers } from '../support/installation.js';
import { Client } from '../support/tocsin.js';

const settings = { MAX_RECORD_BYTES: '2000', TOPIC_PARTITIONS: '2', DLQ_REDRIVE_PER_SECOND: '10000' };

const anEvent = (id: string) =>
  JSON.stringify({
    event_id: id,
    event_type: 'metric',
    bk_biz_id: '2',
    event_source: 'test',
    timestamp: Date.now(),
    raw_data: { metric: 'm', value: 1, dimensions: {} },
  });

/** One record for each reason, with its code. */
const broken: [string, Buffer | null, string][] = [
  ['broken UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), 'T6001'],
  ['broken JSON', Buffer.from('{"event_id":'), 'T6002'],
  ['a schema violation', Buffer.from('{"event_id":"x","event_type":"metric"}'), 'T6003'],
  ['an oversized record', Buffer.from(JSON.stringify({ filler: 'z'.repeat(3000) })), 'T6004'],
  ['a tombstone', null, 'T6005'],
  ['a forbidden key', Buffer.from('{"__proto__":{"bad":1}}'), 'T6006'],
];
const KEY = Buffer.from([0x6b, 0xff, 0x00]);

async function everything(log: EventLog, topic: string): Promise<LogRecord[]> {
  const all: LogRecord[] = [];
  for (const { partition, low, high } of await log.offsets(topic))
    for await (const some of log.read({ topic, partition }, low, high)) all.push(...some);
  return all;
}

describe.each(installations)('dead letters (%s)', (_name, open) => {
  let installation: Installation;
  let running: Running;
  let client: Client;
  let log: EventLog;
  beforeAll(async () => {
    installation = await open(settings);
    running = await serve(installation.config);
    client = new Client(running.url);
    log = running.app.get(EventLog);
    await log.publish('raw_events', [
      { key: 'k', value: anEvent('before'), partition: 1 },
      ...broken.map(([, value]) => ({ key: KEY, value, partition: 1, headers: { trace: 'abc' } })),
      { key: 'k', value: anEvent('after'), partition: 1 },
    ]);
    await eventually(async () => (await letters()).length === broken.length, 'a letter for each');
  }, 120_000);
  afterAll(async () => {
    await running?.close();
    await installation?.close();
  });

  const letters = async (query = '') => (await client.get<DeadLetterPage>(`/api/v1/dead-letters?${query}`)).body.letters;
  const redrive = (order: object) => client.post<Redriven>('/api/v1/dead-letters/redrive', { by: 'ann', ...order });
  const records = async (topic: string, partition: number): Promise<LogRecord[]> => {
    const { low, high } = (await log.offsets(topic)).find((each) => each.partition === partition)!;
    const all: LogRecord[] = [];
    for await (const some of log.read({ topic, partition }, low, high)) all.push(...some);
    return all;
  };
  const withCode = async (code: string) => (await letters(`code=${code}`))[0]!;

  it.each(broken)('%s keeps its bytes, key and headers, is counted by its reason, and the batch continues (C14)', async (_reason, value, code) => {
    const found = await letters(`code=${code}&topic=raw_events&stage=detect`);
    expect(found).toHaveLength(1);
    const stored = (await records('raw_events.dlq', 1)).find(({ offset }) => offset === found[0]!.offset)!;
    expect(stored.value).toEqual(value);
    expect(stored.key).toEqual(KEY);
    expect(stored.headers).toMatchObject({
      trace: 'abc',
      'tocsin-topic': 'raw_events',
      'tocsin-partition': '1',
      'tocsin-error-code': code,
      'tocsin-attempts': '1',
    });
    // What stands in the log is counted a moment later.
    const counted = `tocsin_consumer_poison_total{group="detect",topic="raw_events",code="${code}"} 1`;
    await eventually(async () => (await client.get<string>('/metrics')).body.includes(counted), counted);
    await eventually(async () => {
      const { body } = await client.get<{ partitions: { partition: number; cursor: number }[] }>('/api/v1/offsets?group=detect');
      return body.partitions.some(({ partition, cursor }) => partition === 1 && cursor >= broken.length + 2);
    }, 'the records behind');
  });

  it('are listed newest first, filtered, and shown completely (C15)', async () => {
    expect((await letters()).map(({ code }) => code)).toEqual(broken.map(([, , code]) => code).reverse());
    expect(await letters('limit=2')).toHaveLength(2);
    expect(await letters(`since=${Date.now() + 60_000}`)).toEqual([]);
    expect(await letters('topic=alerts')).toEqual([]);
    const { id, origin } = await withCode('T6001');
    const { body } = await client.get<DeadLetterDetail>(`/api/v1/dead-letters/${id}`);
    expect(origin).toEqual({ partition: 1, offset: 1 });
    expect(body.value).toEqual({ encoding: 'base64', content: broken[0]![1]!.toString('base64') });
    expect(body.headers['trace']).toBe('abc');
    const raw = await fetch(`${client.url}/api/v1/dead-letters/${id}/value`);
    expect(Buffer.from(await raw.arrayBuffer())).toEqual(broken[0]![1]);
    expect((await client.get(`/api/v1/dead-letters/raw_events/1/99999`)).status).toBe(404);
    expect((await client.get('/api/v1/dead-letters?topic=nothing')).status).toBe(404);
  });

  it('a redriven record is published to its partition with its bytes, key and headers, once for any number of requests (C15)', async () => {
    const { id } = await withCode('T6003');
    const before = (await records('raw_events', 1)).length;
    expect((await redrive({ letters: [id], dry_run: true })).letters).toEqual([{ id, outcome: 'redriven' }]);
    const until = Date.now();
    const answers = await Promise.all([redrive({ letters: [id] }), redrive({ letters: [id] }), redrive({ code: 'T6003', until })]);
    const outcomes = answers.flatMap(({ letters: all }) => all.filter((each) => each.id === id).map(({ outcome }) => outcome));
    expect(outcomes.sort()).toEqual(['already', 'already', 'redriven']);
    const isBack = ({ headers }: LogRecord) => headers['tocsin-redriven'] === '1';
    await eventually(async () => (await records('raw_events', 1)).some(isBack), 'the record in its topic again');
    const back = (await records('raw_events', 1)).slice(before).filter(isBack);
    expect(back).toHaveLength(1);
    expect(back[0]).toMatchObject({ key: KEY, value: broken[2]![1], headers: { trace: 'abc', 'tocsin-redriven': '1' } });
    expect(Object.keys(back[0]!.headers).sort()).toEqual(['tocsin-redriven', 'trace']);
    await eventually(async () => (await letters('code=T6003')).length === 2, 'the letter again');
    expect((await withCode('T6003')).attempts).toBe(2);
  });

  it('one that always fails stays after three times, and the refusal says so (C15)', async () => {
    for (let attempts = 3; attempts <= 4; attempts++) {
      await redrive({ code: 'T6003' });
      await eventually(async () => (await withCode('T6003')).attempts === attempts, `attempt ${attempts}`);
    }
    const { id } = await withCode('T6003');
    expect((await redrive({ letters: [id] })).letters).toEqual([{ id, outcome: 'too often' }]);
    expect((await client.get<string>('/metrics')).body).toContain('tocsin_dead_letters_redriven_total{topic="raw_events",outcome="too often"} 1');
  });

  it('one that is good by now takes effect, and the others of the same command do not come back at once (C15)', async () => {
    await redrive({ all: true, limit: 2, dry_run: true }).then(({ more, letters: all }) => {
      expect(more).toBe(true);
      expect(all.filter(({ outcome }) => outcome === 'redriven')).toHaveLength(2);
    });
    const until = Date.now();
    const { letters: all, more } = await redrive({ all: true, until });
    expect(more).toBe(false);
    expect(all.filter(({ outcome }) => outcome === 'redriven')).toHaveLength(broken.length - 1);
    const again = await redrive({ all: true, until });
    expect(again.letters.filter(({ outcome }) => outcome === 'redriven')).toEqual([]);
    const database = await client.call('POST', '/api/v1/dead-letters/redrive', { by: 'ann' });
    expect(database.status).toBe(400);
  });
});

describe('dead letters that are large (Kafka)', () => {
  let site: Awaited<ReturnType<typeof servers>>;
  let running: Running;
  beforeAll(async () => {
    site = await servers();
    // Made by somebody who knew nothing of headers, nor of how large our records may be.
    const admin = anAdmin({ brokers: site.env['KAFKA_BROKERS']!.split(',') });
    await admin.connect();
    const name = `${site.env['TOPIC_PREFIX']}raw_events.dlq`;
    const configEntries = [{ name: 'max.message.bytes', value: '3000' }];
    await createTopic(admin, { topic: name, numPartitions: 2, configEntries });
    await admin.disconnect();
    running = await start();
  }, 120_000);
  afterAll(async () => {
    await running?.close();
    await site?.close();
  });

  const start = () => serve(parseConfig({ ...site.env, ...settings, KAFKA_COMPRESSION: 'none' }));
  const log = () => running.app.get(EventLog);
  const outbox = async () =>
    (await site.database.query<{ ordering_key: string; is_quarantined: number }>('SELECT ordering_key, is_quarantined FROM outbox')).map(
      ({ ordering_key, is_quarantined }) => `${ordering_key}${is_quarantined ? ' quarantined' : ''}`,
    );
  const most = async (topic: string) => Number((await log().topics.describe([topic]))[0]!.config['max.message.bytes']);

  it('a record as large as its topic takes has room in its dead letters beside its headers, with its bytes (C14)', async () => {
    const bytes = await most('alerts');
    expect(await most('alerts.dlq')).toBeGreaterThan(bytes);
    // What a record, a batch and its own header need.
    const value = randomBytes(bytes - 150);
    await log().publish('alerts', [{ key: null, value, headers: { trace: 'abc' }, partition: 0 }]);
    await eventually(async () => (await everything(log(), 'alerts.dlq')).length >= 2, 'a letter of each group');
    for (const letter of await everything(log(), 'alerts.dlq')) {
      expect(letter.value!.equals(value)).toBe(true);
      expect(letter.headers).toMatchObject({ trace: 'abc', 'tocsin-error-code': 'T6004' });
    }
  });

  it('a dead-letter topic created on request has that headroom, too, whatever was requested', async () => {
    const config = { 'max.message.bytes': '5000' };
    for (const name of ['extra', 'extra.dlq']) await log().topics.create({ name, partitions: 1, config });
    expect([await most('extra'), await most('extra.dlq')]).toEqual([5000, 5000 + 16_384]);
  });

  it('a dead letter record that exceeds max.message.bytes is quarantined without blocking others, is visible, and is published once the limit is raised (C14)', async () => {
    const [small, large] = [randomBytes(500), randomBytes(5000)];
    const records = [Buffer.from(anEvent('before')), large, small, Buffer.from(anEvent('after'))];
    await log().publish(
      'raw_events',
      records.map((value) => ({ key: 'k', value, partition: 1 })),
    );
    const client = new Client(running.url);
    await eventually(async () => {
      const { body } = await client.get<{ partitions: { partition: number; cursor: number }[] }>('/api/v1/offsets?group=detect');
      return body.partitions.some(({ partition, cursor }) => partition === 1 && cursor >= records.length);
    }, 'the records behind');
    await eventually(async () => (await everything(log(), 'raw_events.dlq')).length === 1, 'the small letter');
    expect((await everything(log(), 'raw_events.dlq'))[0]!.value).toEqual(small);
    await eventually(async () => (await outbox()).join() === 'detect/raw_events/1 quarantined', 'nothing in the outbox but the large one');
    expect((await client.get<string>('/metrics')).body).toMatch(
      /^tocsin_producer_failures_total\{topic="raw_events\.dlq",reason="too_large"\} [1-9]/m,
    );
    const ready = () => client.get<{ details: { outbox: { quarantined?: number } } }>('/health/ready');
    await eventually(async () => (await ready()).body.details.outbox.quarantined === 1, 'readiness that shows it');
    expect(await ready()).toMatchObject({ status: 200, body: { details: { outbox: { status: 'up', degraded: true, parcels: 1 } } } });
    await log().topics.configure('raw_events.dlq', { 'max.message.bytes': '100000' });
    await eventually(async () => (await most('raw_events.dlq')) === 100_000, 'dead letters that have grown');
    await running.close();
    running = await start();
    await eventually(async () => (await everything(log(), 'raw_events.dlq')).length === 2, 'the large letter');
    const letter = (await everything(log(), 'raw_events.dlq'))[1]!;
    expect(letter.value).toEqual(large);
    expect(letter.headers).toMatchObject({
      'tocsin-topic': 'raw_events',
      'tocsin-partition': '1',
      'tocsin-offset': '1',
      'tocsin-error-code': 'T6004',
    });
    await eventually(async () => (await outbox()).length === 0, 'an empty outbox');
  });
});
