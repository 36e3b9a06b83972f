import { gzipSync } from 'node:zlib';
import { Global, Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import protobuf from 'protobufjs/minimal.js';
import { eventually } from '../../test/support/eventually.js';
import { Config, parseConfig } from '../config.js';
import { configureHttp, createHttpAdapter } from '../http/http-server.service.js';
import { EventLog, type OutgoingRecord } from '../log/event-log.js';
import { PublishError } from '../log/publish-error.js';
import { jsonSerializer } from '../log/serializer.js';
import { Metrics } from '../runtime/metrics.service.js';
import { parseJson } from '../shared/json.js';
import { type RawEvent, topics } from '../topics.js';
import { AccessMetrics } from './access-metrics.service.js';
import { AccessService } from './access.service.js';
import { AlertmanagerController } from './alertmanager.controller.js';
import { DegradeService } from './degrade/degrade.service.js';
import { EventsController } from './events.controller.js';
import { PublicationService } from './publication.service.js';
import { RateService } from './rate.service.js';
import { RemoteWriteController } from './remote-write/remote-write.controller.js';
import { SenderService } from './sender.service.js';

const { compress } = jest.requireActual<{ compress(plain: Buffer): Buffer }>('snappyjs');

/** A log that records what is published, and can fail or block. */
class NotedLog implements Pick<EventLog, 'publish' | 'partitionFor' | 'serializer'> {
  readonly serializer = jsonSerializer;
  readonly records: (OutgoingRecord & { topic: string })[] = [];
  fails = false;
  /** Resolvers of the blocked publishes. */
  readonly held: (() => void)[] = [];
  holds = false;
  /** Maximum bytes of a record. */
  most = Infinity;

  async publish(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    if (this.holds) await new Promise<void>((resolve) => this.held.push(resolve));
    if (this.fails) throw new Error('broker 10.0.0.7 is away');
    const isTooLarge = ({ value }: OutgoingRecord) => Buffer.byteLength(value!) > this.most;
    this.records.push(...records.filter((record) => !isTooLarge(record)).map((record) => ({ ...record, topic })));
    const refused = records.flatMap((record, index) => (isTooLarge(record) ? [index] : []));
    if (refused.length > 0) throw new PublishError('too large', 'MESSAGE_TOO_LARGE', refused);
  }

  async partitionFor(_topic: string, key: string): Promise<number> {
    return key.length % 4;
  }

  /** The events of all records, as the consumer parses them. */
  events(): RawEvent[] {
    return this.records.flatMap(({ value }) => {
      const record = topics.rawEvents.parse(parseJson(Buffer.from(value as string)));
      return 'events' in record ? (record.events as RawEvent[]) : [record as RawEvent];
    });
  }
}

interface Running {
  app: NestFastifyApplication;
  url: string;
  eventLog: NotedLog;
  access: AccessService;
}

async function start(settings: Record<string, string> = {}): Promise<Running> {
  const config = parseConfig(settings);
  const log = new NotedLog();
  @Global()
  @Module({
    providers: [{ provide: Config, useValue: config }, { provide: EventLog, useValue: log }, Metrics],
    exports: [Config, EventLog, Metrics],
  })
  class PlumbingModule {}
  // No source is declared and no switch is set: ingest.spec.ts covers those.
  @Module({
    controllers: [EventsController, RemoteWriteController, AlertmanagerController],
    providers: [
      AccessMetrics,
      AccessService,
      PublicationService,
      RateService,
      { provide: DegradeService, useValue: { check: () => undefined } },
      { provide: SenderService, useValue: { byToken: async () => undefined } },
    ],
  })
  class DoorsModule {}
  const module = await Test.createTestingModule({ imports: [PlumbingModule, DoorsModule] }).compile();
  const app = module.createNestApplication<NestFastifyApplication>(createHttpAdapter(config), { logger: false });
  configureHttp(app, config);
  await app.listen(0, '127.0.0.1');
  return { app, url: await app.getUrl(), eventLog: log, access: app.get(AccessService) };
}

const JSON_TYPE = { 'content-type': 'application/json' };
const LINES = { 'content-type': 'application/x-ndjson' };

let tocsin: Running;

async function restart(settings: Record<string, string> = {}): Promise<void> {
  await tocsin.app.close();
  tocsin = await start(settings);
}

beforeEach(async () => {
  tocsin = await start();
});

afterEach(() => tocsin.app.close());

async function post(path: string, body: unknown, headers: Record<string, string> = JSON_TYPE) {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const response = await fetch(tocsin.url + path, { method: 'POST', body: bytes, headers });
  const text = await response.text();
  const json = text === '' ? undefined : JSON.parse(text);
  return { status: response.status, json, text, code: json?.error?.code as string | undefined, retryAfter: response.headers.get('retry-after') };
}

const metric = (change: object = {}) => ({
  event_type: 'metric',
  bk_biz_id: '2',
  event_source: 'agent',
  timestamp: Date.now(),
  raw_data: { metric: 'cpu', value: 1, dimensions: { host: 'a' } },
  ...change,
});
const valued = (value: number) => metric({ raw_data: { metric: 'cpu', value } });
const values = () => tocsin.eventLog.events().map(({ raw_data }) => (raw_data as { value: number }).value);

describe('POST /api/v1/events', () => {
  const events = (body: unknown, headers?: Record<string, string>, query = '') => post(`/api/v1/events${query}`, body, headers);

  it('answers 202 when the log has the event', async () => {
    expect(await events(metric())).toMatchObject({ status: 202, json: { accepted: 1, rejected: 0, errors: [] } });
    expect(tocsin.eventLog.records).toMatchObject([{ topic: 'raw_events', key: '2', partition: 1 }]);
    expect(tocsin.eventLog.events()).toMatchObject([{ event_type: 'metric', raw_data: { metric: 'cpu', value: 1, dimensions: { host: 'a' } } }]);
    expect(tocsin.access.counts).toMatchObject({ accepted: { events: 1 }, pending: 0 });
  });

  it.each<[string, unknown, Record<string, string>, number[]]>([
    ['an array', [valued(1), valued(2)], JSON_TYPE, [1, 2]],
    ['a list of events', { events: [valued(1), valued(2)] }, JSON_TYPE, [1, 2]],
    ['lines', `${JSON.stringify(valued(1))}\n${JSON.stringify(valued(2))}\n`, LINES, [1, 2]],
    [
      'lines with the type that curl sends',
      `${JSON.stringify(valued(1))}\n${JSON.stringify(valued(2))}\n`,
      { 'content-type': 'application/x-www-form-urlencoded' },
      [1, 2],
    ],
    ['gzip', gzipSync(JSON.stringify([valued(1), valued(2)])), { ...JSON_TYPE, 'content-encoding': 'gzip' }, [1, 2]],
    ['lines in gzip', gzipSync(`${JSON.stringify(valued(1))}\n${JSON.stringify(valued(2))}`), { ...LINES, 'content-encoding': 'gzip' }, [1, 2]],
  ])('takes %s as one envelope', async (_what, body, headers, expected) => {
    expect(await events(body, headers)).toMatchObject({ status: 202, json: { accepted: 2 } });
    expect(values()).toEqual(expected);
    expect(tocsin.eventLog.records).toHaveLength(1);
  });

  it('accepts an empty array', async () => {
    expect(await events([])).toMatchObject({ status: 202, json: { accepted: 0, rejected: 0, errors: [] } });
  });

  it('puts events of one partition into one record and those of others elsewhere', async () => {
    await events(['2', '22', '3', '222', '2'].map((business) => metric({ bk_biz_id: business })));
    expect(tocsin.eventLog.records.map(({ partition }) => partition).sort()).toEqual([1, 2, 3]);
    expect(
      tocsin.eventLog
        .events()
        .filter(({ bk_biz_id }) => bk_biz_id.length === 1)
        .map(({ bk_biz_id }) => bk_biz_id),
    ).toEqual(['2', '3', '2']);
  });

  it('uses the event source as the record key if PARTITION_KEY is event_source', async () => {
    await restart({ PARTITION_KEY: 'event_source' });
    await events(metric({ event_source: 'nginx' }));
    expect(tocsin.eventLog.records).toMatchObject([{ key: 'nginx', partition: 1 }]);
  });

  it('takes the business of the request for events that name none', async () => {
    const nobody = metric({ bk_biz_id: undefined });
    await events(nobody, JSON_TYPE, '?bk_biz_id=7');
    await events(nobody, { ...JSON_TYPE, 'x-bk-biz-id': '8' });
    await events(metric({ bk_biz_id: 9 }), JSON_TYPE, '?bk_biz_id=7');
    expect(tocsin.eventLog.events().map(({ bk_biz_id }) => bk_biz_id)).toEqual(['7', '8', '9']);
    expect(await events(nobody)).toMatchObject({ status: 400, code: 'T1009' });
    expect(await events(nobody, JSON_TYPE, '?bk_biz_id=7&bk_biz_id=8')).toMatchObject({ status: 400, code: 'T1101' });
  });

  it('names the bad items and takes the others', async () => {
    const items = [
      valued(1),
      7,
      metric({ event_type: 'trace' }),
      metric({ raw_data: { metric: 'cpu', value: 'NaN' } }),
      metric({ timestamp: 3 }),
      valued(2),
    ];
    const { status, json } = await events(items);
    expect(status).toBe(202);
    expect(json).toEqual({
      accepted: 2,
      rejected: 4,
      errors: [
        { index: 1, code: 'T1101', message: expect.stringContaining('object') },
        { index: 2, code: 'T1101', message: expect.stringContaining('event_type') },
        { index: 3, code: 'T1102', message: expect.stringContaining('raw_data.value') },
        { index: 4, code: 'T1103', message: expect.stringContaining('timestamp') },
      ],
    });
    expect(values()).toEqual([1, 2]);
    expect(tocsin.access.counts.rejected).toEqual({ T1101: 2, T1102: 1, T1103: 1 });
    tocsin.app.get(AccessMetrics).collect();
    expect(await tocsin.app.get(Metrics).text()).toMatch(/tocsin_access_events_total\{[^}]*"T1101"[^}]*\} 2\n/);
  });

  it('answers T1009 with the reason per item when all items are rejected', async () => {
    const { status, json } = await events([7, metric({ timestamp: 3 })]);
    expect(status).toBe(400);
    expect(json.error).toMatchObject({
      code: 'T1009',
      details: {
        accepted: 0,
        rejected: 2,
        errors: [
          { index: 0, code: 'T1101' },
          { index: 1, code: 'T1103' },
        ],
      },
    });
    expect(tocsin.eventLog.records).toEqual([]);
  });

  it('loses only the bad line of many, broken JSON and broken UTF-8 alike', async () => {
    const line = (value: number) => Buffer.from(`${JSON.stringify(valued(value))}\n`);
    const body = Buffer.concat([line(1), Buffer.from('{"event_type":\n'), line(2), Buffer.from([0x22, 0xff, 0x22, 0x0a]), line(3)]);
    const { status, json } = await events(body, LINES);
    expect(status).toBe(202);
    expect(json).toMatchObject({
      accepted: 3,
      rejected: 2,
      errors: [
        { index: 1, code: 'T1001' },
        { index: 3, code: 'T1002' },
      ],
    });
    expect(values()).toEqual([1, 2, 3]);
  });

  it.each<[string, string | Buffer, string]>([
    ['broken JSON', '{"event_type":', 'T1001'],
    ['nothing', '', 'T1001'],
    ['blanks', '  \n', 'T1001'],
    ['broken UTF-8', Buffer.from([0x5b, 0x22, 0xc3, 0x28, 0x22, 0x5d]), 'T1002'],
    ['100,000 levels', '['.repeat(100_000) + ']'.repeat(100_000), 'T1009'],
    ['an event with 100,000 levels', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'T1009'],
  ])('refuses %s', async (_what, body, code) => {
    expect(await events(body)).toMatchObject({ status: 400, code });
    expect(tocsin.eventLog.records).toEqual([]);
  });

  it.each<[string, (event: string) => string, string]>([
    ['deep nesting', (event) => `{"more":${'['.repeat(100_000)}${']'.repeat(100_000)},${event.slice(1)}`, 'T1005'],
    ['a key __proto__', (event) => `{"__proto__":{"polluted":1},${event.slice(1)}`, 'T1006'],
    ['a key __proto__ in disguise', (event) => `{"\\u005f\\u005fproto__":{"polluted":1},${event.slice(1)}`, 'T1006'],
    ['a key constructor', (event) => `{"constructor":{"prototype":{"polluted":1}},${event.slice(1)}`, 'T1006'],
    ['a number too large to be one', (event) => event.replace('"value":7', '"value":1e999'), 'T1102'],
    ['NaN for a value', (event) => event.replace('"value":7', '"value":"NaN"'), 'T1102'],
  ])('lets an item with %s go and takes its neighbours', async (_what, spoil, code) => {
    const body = `[${JSON.stringify(valued(1))},${spoil(JSON.stringify(valued(7)))},${JSON.stringify(valued(2))}]`;
    const { status, json } = await events(body);
    expect(status).toBe(202);
    expect(json).toMatchObject({ accepted: 2, rejected: 1, errors: [{ index: 1, code }] });
    expect(values()).toEqual([1, 2]);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('understands every unit of time', async () => {
    const now = Math.floor(Date.now() / 1000) * 1000;
    const times = [now / 1000, now, now * 1000, `${now}000000`, new Date(now).toISOString()];
    await events(times.map((timestamp) => metric({ timestamp })));
    expect(tocsin.eventLog.events().map(({ timestamp }) => timestamp)).toEqual(times.map(() => now));
  });

  it('takes the moment of arrival for no time and for one in the future, and counts the latter', async () => {
    const before = Date.now();
    await events([metric({ timestamp: undefined }), metric({ timestamp: before + 3_600_000 })]);
    for (const { timestamp } of tocsin.eventLog.events()) {
      expect(timestamp).toBeGreaterThanOrEqual(before);
      expect(timestamp).toBeLessThanOrEqual(Date.now());
    }
    expect(tocsin.access.counts.clamped).toBe(1);
  });

  it('assigns the same ids to a repeated request, but new ids to events without a timestamp', async () => {
    const body = JSON.stringify([valued(1), valued(1), metric({ timestamp: undefined }), metric({ event_id: 'own' })]);
    await events(body);
    await events(body);
    const ids = tocsin.eventLog.events().map(({ event_id }) => event_id);
    expect(ids.slice(4, 6)).toEqual(ids.slice(0, 2));
    expect(ids[0]).not.toBe(ids[1]);
    expect(ids[6]).not.toBe(ids[2]);
    expect([ids[3], ids[7]]).toEqual(['own', 'own']);
  });

  it('refuses an event that is too large for the log', async () => {
    await restart({ MAX_EVENT_BYTES: '400' });
    const { json } = await events([valued(1), metric({ note: 'x'.repeat(300) })]);
    expect(json).toMatchObject({ accepted: 1, errors: [{ index: 1, code: 'T1104' }] });
  });

  const wide = (value: number) => metric({ raw_data: { metric: 'cpu', value }, note: 'x'.repeat(1000) });
  const words = expect.stringMatching(/^1\d\d\d bytes exceed max\.message\.bytes of the topic$/) as string;

  it('names what the log does not take among all the other bad items, and takes the rest', async () => {
    await restart({ EVENT_MAX_AGE_MS: '3600000' });
    tocsin.eventLog.most = 700;
    const items = [valued(1), wide(2), 7, valued(3), metric({ timestamp: Date.now() - 7_200_000 }), wide(4), metric({ timestamp: 3 }), valued(5)];
    const { status, json } = await events(items);
    expect(status).toBe(202);
    expect(json).toEqual({
      accepted: 3,
      rejected: 4,
      dropped: { expired: 1 },
      errors: [
        { index: 1, code: 'T1104', message: words },
        { index: 2, code: 'T1101', message: expect.any(String) },
        { index: 4, code: 'T1015', message: expect.any(String) },
        { index: 5, code: 'T1104', message: words },
        { index: 6, code: 'T1103', message: expect.any(String) },
      ],
    });
    expect(values()).toEqual([1, 3, 5]);
    expect(tocsin.access.counts).toMatchObject({
      accepted: { events: 3 },
      rejected: { T1104: 2, T1101: 1, T1103: 1 },
      refused: {},
      dropped: { expired: 1 },
      pending: 0,
    });
  });

  it('answers T1009 when the log refuses all items', async () => {
    tocsin.eventLog.most = 700;
    const { status, json } = await events([wide(1), 7]);
    expect(status).toBe(400);
    expect(json.error).toMatchObject({
      code: 'T1009',
      details: {
        accepted: 0,
        rejected: 2,
        errors: [
          { index: 0, code: 'T1104', message: words },
          { index: 1, code: 'T1101' },
        ],
      },
    });
    expect(tocsin.access.counts).toMatchObject({ accepted: { events: 0 }, rejected: { T1104: 1, T1101: 1 } });
  });

  it('refuses too many events, too many bytes, and a few bytes that become too many', async () => {
    await restart({ MAX_EVENTS: '3', MAX_BODY_BYTES: '4000' });
    expect(await events([1, 2, 3, 4].map(valued))).toMatchObject({ status: 413, code: 'T1010' });
    expect(await events('x'.repeat(4001))).toMatchObject({ status: 413, code: 'T1003' });
    expect(await events(gzipSync(Buffer.alloc(2_000_000)), { ...JSON_TYPE, 'content-encoding': 'gzip' })).toMatchObject({
      status: 413,
      code: 'T1003',
    });
    expect(await events(gzipSync('x').subarray(0, 12), { 'content-encoding': 'gzip' })).toMatchObject({ status: 400, code: 'T1007' });
    expect(await events('{}', { 'content-encoding': 'br' })).toMatchObject({ status: 415, code: 'T1004' });
  });

  it('fills several records when there is too much for one', async () => {
    expect(await events(Array.from({ length: 450 }, (_, index) => valued(index)))).toMatchObject({ status: 202, json: { accepted: 450 } });
    expect(tocsin.eventLog.records).toHaveLength(3);
    expect(values()).toEqual(Array.from({ length: 450 }, (_, index) => index));
  });

  it('answers 503 without internal details while the log does not acknowledge, and accepts events after it recovers', async () => {
    tocsin.eventLog.fails = true;
    const answer = await events(metric());
    expect(answer).toMatchObject({ status: 503, code: 'T1201', retryAfter: '5' });
    expect(answer.text).not.toContain('10.0.0.7');
    expect(tocsin.access.counts).toMatchObject({ accepted: { events: 0 }, refused: { T1201: 1 }, pending: 0 });
    tocsin.eventLog.fails = false;
    expect((await events(metric())).status).toBe(202);
  });

  it('answers 429 while too many events wait, and nothing before the log has them', async () => {
    await restart({ PENDING_EVENTS: '2' });
    tocsin.eventLog.holds = true;
    let answered = false;
    const first = events([valued(1), valued(2)]).finally(() => (answered = true));
    await eventually(() => tocsin.eventLog.held.length === 1, 'the first request waits for the log');
    expect(await events(valued(3))).toMatchObject({ status: 429, code: 'T1202', retryAfter: '1' });
    expect(answered).toBe(false);
    tocsin.eventLog.holds = false;
    tocsin.eventLog.held.forEach((go) => go());
    expect((await first).status).toBe(202);
    expect((await events(valued(3))).status).toBe(202);
    expect(values()).toEqual([1, 2, 3]);
    expect(tocsin.access.counts).toMatchObject({ refused: { T1202: 1 }, pending: 0 });
  });
});

describe('POST /api/v1/write', () => {
  const headers = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy', 'x-prometheus-remote-write-version': '0.1.0' };
  const write = (body: Buffer, query = '', change: Record<string, string> = {}) => post(`/api/v1/write${query}`, body, { ...headers, ...change });

  function request(...series: { name: string; value: number; time?: number; label?: string }[]): Buffer {
    const writer = protobuf.Writer.create();
    for (const { name, value, time = Date.now(), label = 'a' } of series) {
      writer.uint32(10).fork();
      writer.uint32(10).fork().uint32(10).string('__name__').uint32(18).string(name).ldelim();
      writer.uint32(10).fork().uint32(10).string('instance').uint32(18).string(label).ldelim();
      writer.uint32(18).fork().uint32(9).double(value).uint32(16).int64(time).ldelim().ldelim();
    }
    return compress(Buffer.from(writer.finish()));
  }

  it('answers 204 when the log has the samples', async () => {
    expect(await write(request({ name: 'up', value: 1 }, { name: 'down', value: 0 }))).toMatchObject({ status: 204, text: '' });
    expect(tocsin.eventLog.events()).toMatchObject([
      { event_type: 'metric', bk_biz_id: '2', event_source: 'prometheus', raw_data: { metric: 'up', value: 1, dimensions: { instance: 'a' } } },
      { raw_data: { metric: 'down', value: 0 } },
    ]);
    expect(tocsin.access.counts.accepted.remote_write).toBe(2);
  });

  it('takes the business from the query, the header or the setting', async () => {
    await restart({ DEFAULT_BUSINESS: 'ops' });
    await write(request({ name: 'up', value: 1 }), '?bk_biz_id=7');
    await write(request({ name: 'up', value: 1 }), '', { 'x-bk-biz-id': '8' });
    await write(request({ name: 'up', value: 1 }));
    expect(tocsin.eventLog.events().map(({ bk_biz_id }) => bk_biz_id)).toEqual(['7', '8', 'ops']);
  });

  it('answers 204 to what makes no event, and counts it', async () => {
    expect((await write(request({ name: 'a', value: NaN }, { name: 'b', value: Infinity }))).status).toBe(204);
    expect((await write(request())).status).toBe(204);
    expect(tocsin.eventLog.records).toEqual([]);
    expect(tocsin.access.counts.dropped).toMatchObject({ nan: 1, infinite: 1 });
  });

  it('refuses a bad sample after the others are in the log', async () => {
    const answer = await write(request({ name: 'a', value: 1 }, { name: 'b', value: 2, label: 'x'.repeat(2000) }, { name: 'c', value: 3 }));
    expect(answer).toMatchObject({ status: 400, code: 'T1105', json: { error: { details: { accepted: 2, rejected: 1 } } } });
    expect(values()).toEqual([1, 3]);
    expect(tocsin.access.counts.rejected).toEqual({ T1105: 1 });
  });

  it('rejects a sample that the log refuses with a non-retryable status after the others are stored', async () => {
    tocsin.eventLog.most = 700;
    const answer = await write(
      request(
        { name: 'a', value: 1 },
        { name: 'b', value: 2, label: 'x'.repeat(1000) },
        { name: 'c', value: 3, label: 'x'.repeat(2000) },
        { name: 'd', value: NaN },
        { name: 'e', value: 5 },
      ),
    );
    expect(answer).toMatchObject({ status: 400, json: { error: { details: { accepted: 2, rejected: 2 } } } });
    expect(values()).toEqual([1, 5]);
    expect(tocsin.access.counts).toMatchObject({ accepted: { remote_write: 2 }, rejected: { T1104: 1, T1105: 1 }, dropped: { nan: 1 } });
    expect(await write(request({ name: 'b', value: 2, label: 'x'.repeat(1000) }))).toMatchObject({
      status: 400,
      code: 'T1104',
      json: { error: { details: { accepted: 0, rejected: 1 } } },
    });
  });

  it.each<[string, Buffer, Record<string, string>, number, string]>([
    ['bytes that are no snappy block', Buffer.from('nonsense'), {}, 400, 'T1008'],
    ['a block that would hang a careless decoder', Buffer.from([10, 0xfc, 0xf0, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0]), {}, 400, 'T1008'],
    ['a block that is no message', compress(Buffer.from('nonsense')), {}, 400, 'T1008'],
    ['nothing', Buffer.alloc(0), {}, 400, 'T1008'],
    ['a bomb', compress(Buffer.alloc(30_000_000)), {}, 413, 'T1003'],
    ['another encoding', Buffer.from('x'), { 'content-encoding': 'zstd' }, 415, 'T1004'],
    ['another type', Buffer.from('x'), { 'content-type': 'application/json' }, 415, 'T1004'],
    ['version 2', Buffer.from('x'), { 'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request' }, 415, 'T1004'],
  ])('refuses %s', async (_what, body, change, status, code) => {
    expect(await write(body, '', change)).toMatchObject({ status, code });
  });

  it('refuses more samples than allowed', async () => {
    await restart({ MAX_EVENTS: '2' });
    expect(await write(request(...[1, 2, 3].map((value) => ({ name: 'a', value }))))).toMatchObject({ status: 413, code: 'T1010' });
  });

  it('answers 503 for every retryable condition, because Prometheus does not retry after 429', async () => {
    await restart({ PENDING_EVENTS: '1' });
    tocsin.eventLog.holds = true;
    const first = write(request({ name: 'a', value: 1 }));
    await eventually(() => tocsin.eventLog.held.length === 1, 'the first request waits for the log');
    expect(await write(request({ name: 'b', value: 2 }))).toMatchObject({ status: 503, code: 'T1201', retryAfter: '5' });
    tocsin.eventLog.fails = true;
    tocsin.eventLog.held.forEach((go) => go());
    expect(await first).toMatchObject({ status: 503, code: 'T1201' });
  });
});

describe('POST /api/v2/alerts', () => {
  const alerts = (body: unknown, headers?: Record<string, string>, query = '') => post(`/api/v2/alerts${query}`, body, headers);
  const alert = (change: object = {}) => ({ labels: { alertname: 'X', instance: 'a' }, annotations: { summary: 's' }, ...change });

  it('answers 200 with nothing when the log has the alerts', async () => {
    const endsAt = new Date(Date.now() + 240_000).toISOString();
    expect(await alerts([alert({ endsAt, generatorURL: 'http://p/graph' }), alert()])).toMatchObject({ status: 200, text: '' });
    const [explicit, estimated] = tocsin.eventLog.events();
    expect(explicit).toMatchObject({
      event_type: 'alert',
      bk_biz_id: '2',
      event_source: 'alertmanager',
      raw_data: { generatorURL: 'http://p/graph', endsAt: Date.parse(endsAt) },
    });
    expect(estimated!.raw_data).toMatchObject({ timeout: true, endsAt: estimated!.timestamp + 300_000, startsAt: estimated!.timestamp });
    expect(tocsin.access.counts.accepted.alertmanager).toBe(2);
  });

  it('has a trailing slash, a charset and a business if you like', async () => {
    expect((await post('/api/v2/alerts/?bk_biz_id=7', [alert()], { 'content-type': 'application/json; charset=utf-8' })).status).toBe(200);
    expect(tocsin.eventLog.events()).toMatchObject([{ bk_biz_id: '7' }]);
  });

  it.each<[string, unknown]>([
    ['an empty array', []],
    ['null', 'null'],
  ])('takes %s', async (_what, body) => {
    expect(await alerts(body)).toMatchObject({ status: 200, text: '' });
  });

  it('takes the good alerts and answers with one text about the others', async () => {
    const answer = await alerts([alert(), alert({ labels: { a: '' } }), alert({ startsAt: 'today' }), alert({ labels: { alertname: 'Y' } })]);
    expect(answer.status).toBe(400);
    expect(answer.json).toBe('alert 1: at least one label pair required\nalert 2: startsAt is not an RFC 3339 timestamp');
    expect(tocsin.eventLog.events().map(({ raw_data }) => (raw_data as { labels: Record<string, string> }).labels['alertname'])).toEqual(['X', 'Y']);
    expect(tocsin.access.counts.rejected).toEqual({ T1101: 1, T1103: 1 });
  });

  it('names the alerts that the log does not take among the others that are not taken', async () => {
    tocsin.eventLog.most = 1000;
    const large = alert({ annotations: { summary: 'x'.repeat(1500) } });
    const answer = await alerts([alert({ labels: { a: '' } }), large, alert(), alert({ startsAt: 'today' })]);
    expect(answer.status).toBe(400);
    expect(answer.json.split('\n')).toEqual([
      'alert 0: at least one label pair required',
      expect.stringMatching(/^alert 1: \d+ bytes exceed max\.message\.bytes of the topic$/),
      'alert 3: startsAt is not an RFC 3339 timestamp',
    ]);
    expect(tocsin.eventLog.events()).toHaveLength(1);
    expect(tocsin.access.counts).toMatchObject({ accepted: { alertmanager: 1 }, rejected: { T1101: 1, T1103: 1, T1104: 1 } });
  });

  it.each<[string, string | Buffer, Record<string, string>, number, number]>([
    ['nothing', '', JSON_TYPE, 422, 602],
    ['an object', '{}', JSON_TYPE, 400, 400],
    ['broken JSON', '[{"labels":', JSON_TYPE, 400, 400],
    ['broken UTF-8', Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]), JSON_TYPE, 400, 400],
    ['no labels', '[{}]', JSON_TYPE, 422, 602],
    ['an address that is none', '[{"labels":{"a":"b"},"generatorURL":"not a url"}]', JSON_TYPE, 422, 601],
    ['another type', '[]', { 'content-type': 'text/plain' }, 415, 415],
    ['no type', '[]', {}, 415, 415],
  ])('answers %s as the framework of Alertmanager does', async (_what, body, headers, status, code) => {
    expect(await alerts(body, headers)).toMatchObject({ status, json: { code, message: expect.any(String) } });
  });

  it('lets an alert with deep nesting or a key __proto__ go and takes its neighbours', async () => {
    const deep = `{"labels":{"a":"b"},"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    const answer = await alerts(`[${JSON.stringify(alert())},${deep},{"labels":{"__proto__":"x","a":"b"}}]`);
    expect(answer.status).toBe(400);
    expect(answer.json).toMatch(/alert 1: .*deep.*\nalert 2: .*__proto__/);
    expect(tocsin.eventLog.events()).toHaveLength(1);
  });

  it('refuses a large body and too many alerts', async () => {
    await restart({ MAX_BODY_BYTES: '1000', MAX_EVENTS: '2' });
    expect(await alerts('x'.repeat(1001))).toMatchObject({ status: 413, json: { code: 413 } });
    expect(await alerts([1, 2, 3])).toMatchObject({ status: 413, json: { code: 413 } });
  });

  it('returns Retry-After', async () => {
    tocsin.eventLog.fails = true;
    expect(await alerts([alert()])).toMatchObject({ status: 503, json: expect.stringContaining('Event log unavailable'), retryAfter: '5' });
  });
});

describe('ACCESS_RATE', () => {
  beforeEach(() => restart({ ACCESS_RATE: '5:10' }));

  it('applies one rate limit to all requests without a source, and returns Retry-After', async () => {
    expect(await post('/api/v1/events', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(valued))).toMatchObject({ status: 202 });
    expect(await post('/api/v1/events', valued(11))).toMatchObject({ status: 429, code: 'T1301', retryAfter: '1' });
    expect(await post('/api/v2/alerts', [{ labels: { alertname: 'X' } }])).toMatchObject({ status: 429 });
    const headers = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' };
    expect(await post('/api/v1/write', compress(Buffer.alloc(0)), headers)).toMatchObject({ status: 503, code: 'T1302', retryAfter: '1' });
    expect(tocsin.access.counts).toMatchObject({ accepted: { events: 10 }, refused: { T1301: 2, T1302: 1 } });
    expect(values()).toHaveLength(10);
  });

  it('does not charge requests that publish nothing', async () => {
    expect(
      await post(
        '/api/v1/events',
        Array.from({ length: 50 }, () => ({})),
      ),
    ).toMatchObject({ status: 400, code: 'T1009' });
    expect(await post('/api/v1/events', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(valued))).toMatchObject({ status: 202 });
  });
});
