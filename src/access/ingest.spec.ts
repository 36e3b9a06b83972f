import { gzipSync } from 'node:zlib';
import protobuf from 'protobufjs/minimal.js';
import { eventually } from '../../test/support/eventually.js';
import { aTocsin, type TestTocsin } from '../../test/support/tocsin.js';
import { Database } from '../database/database.client.js';
import { EventLog } from '../log/event-log.js';
import { type RawEvent, topics } from '../topics.js';
import { SourceService } from '../sources/source.service.js';
import { person } from '../shared/actor.js';
import { parseSource } from '../access/registry/source.js';

const { compress } = jest.requireActual<{ compress(plain: Buffer): Buffer }>('snappyjs');
const JSON_TYPE = { 'content-type': 'application/json' };

let tocsin: TestTocsin;
/** Names of sources differ between tests, so that the tests are independent. */
let number = 0;
let name: string;

beforeAll(async () => {
  tocsin = await aTocsin({ EVENT_MAX_AGE_MS: '86400000', MAX_BODY_BYTES: '100000', MAX_EVENTS: '500' });
});
afterAll(() => tocsin.close());
beforeEach(() => {
  name = `source-${++number}`;
});

const sources = () => tocsin.running.app.get(SourceService);
const change = () => ({ actor: person('test'), now: Date.now() });

/** Declares an HTTP source and returns its token. */
async function declare(definition: object = {}): Promise<string> {
  const { token } = await sources().create(parseSource({ kind: 'http', name, business: '7', ...definition }), change());
  return token!;
}

interface Answered {
  readonly status: number;
  readonly json: Record<string, unknown> & { error?: { code: string; message: string; details?: unknown } };
  readonly headers: Headers;
}

async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = JSON_TYPE): Promise<Answered> {
  const bytes =
    body === undefined || Buffer.isBuffer(body) || typeof body === 'string' ? (body as string | Buffer<ArrayBuffer>) : JSON.stringify(body);
  const response = await fetch(tocsin.client.url + path, { method, headers, ...(bytes !== undefined && { body: bytes }) });
  const text = await response.text();
  return { status: response.status, json: text === '' ? {} : JSON.parse(text), headers: response.headers };
}

/** All events in the log with this test's business and source. */
async function inTheLog(wanted: (event: RawEvent) => boolean): Promise<RawEvent[]> {
  const log = tocsin.running.app.get(EventLog);
  const found: RawEvent[] = [];
  for (const { partition, low, high } of await log.offsets(topics.rawEvents.name)) {
    for await (const records of log.read({ topic: topics.rawEvents.name, partition }, low, high)) {
      for (const { value } of records) {
        const record = topics.rawEvents.parse(JSON.parse(value!.toString()));
        found.push(...('events' in record ? (record.events as RawEvent[]) : [record as RawEvent]).filter(wanted));
      }
    }
  }
  return found;
}

const ofSource = () => inTheLog(({ event_source }) => event_source === name);
const metric = (value: number, more: object = {}) => ({
  event_type: 'metric',
  event_source: name,
  timestamp: Date.now(),
  raw_data: { metric: 'cpu', value, dimensions: { host: `h${value}` } },
  ...more,
});

describe('BlueKing custom report', () => {
  const report = (change: object = {}) => ({
    data_id: 1100000 + number,
    access_token: 'none',
    data: [{ metrics: { cpu_load: 10 }, target: '10.0.0.7', dimension: { module: 'db' }, timestamp: Date.now() }],
    ...change,
  });

  it.each(['/v2/push/', '/v2/push', '/api/v1/report'])('is taken at %s, and answered as bk-collector does', async (path) => {
    const token = await declare({ format: 'bk-monitor', data_id: 1100000 + number });
    const { status, json } = await send('POST', path, report({ access_token: token }));
    expect({ status, json }).toEqual({ status: 200, json: { code: '200', result: 'true', message: '', accepted: 1, rejected: 0, errors: [] } });
    expect(await ofSource()).toMatchObject([{ bk_biz_id: '7', raw_data: { metric: 'cpu_load', dimensions: { module: 'db', target: '10.0.0.7' } } }]);
  });

  it('says which items were not taken, and takes the others', async () => {
    const access_token = await declare({ data_id: 1100000 + number });
    const data = [{ metrics: { ok: 1 } }, { metrics: { bad: 'x' } }];
    const { status, json } = await send('POST', '/v2/push/', report({ access_token, data }));
    expect({ status, json }).toMatchObject({
      status: 200,
      json: {
        code: '200',
        result: 'true',
        accepted: 1,
        rejected: 1,
        message: '1 items rejected, first error: T1101 data[1-0]: raw_data.value must be a number',
      },
    });
    const none = await send('POST', '/v2/push/', report({ access_token, data: [{}] }));
    expect(none).toMatchObject({
      status: 400,
      json: { code: '400', result: 'false', message: expect.stringContaining('T1009'), error: { code: 'T1009' } },
    });
  });

  it('is rejected without a token, with a wrong token, and for an undeclared data id', async () => {
    await declare({ data_id: 1100000 + number });
    const refused = async (change: object) => (await send('POST', '/v2/push/', report(change))).json;
    expect(await refused({})).toMatchObject({ code: '403', result: 'false', error: { code: 'T1013' } });
    expect(await refused({ access_token: undefined })).toMatchObject({ code: '401', error: { code: 'T1012' } });
    expect(await refused({ data_id: 99 })).toMatchObject({ code: '404', error: { code: 'T1011' } });
    expect(await refused({ data_id: 'x' })).toMatchObject({ code: '400', error: { code: 'T1101' } });
    expect(await ofSource()).toEqual([]);
  });
});

describe('POST /api/v1/ingest/:source', () => {
  const bearer = (token: string, type = 'application/json') => ({ 'content-type': type, authorization: `Bearer ${token}` });

  it('takes what the source declares, under its business', async () => {
    const mapping = { items: 'rows[*]', metric: { constant: 'queue' }, value: 'n', dimensions: { pick: { queue: 'name' } } };
    const token = await declare({ format: 'mapping', mapping });
    const body = {
      rows: [
        { name: 'a', n: 1 },
        { name: 'b', n: 'many' },
        { name: 'c', n: '3' },
      ],
    };
    const { status, json } = await send('POST', `/api/v1/ingest/${name}`, body, bearer(token));
    expect({ status, json }).toMatchObject({ status: 202, json: { accepted: 2, rejected: 1, errors: [{ index: 1, code: 'T1101' }] } });
    expect(await ofSource()).toMatchObject([{ bk_biz_id: '7', raw_data: { value: 1, dimensions: { queue: 'a' } } }, { raw_data: { value: 3 } }]);
  });

  it.each<[string, string, unknown]>([
    [
      'tocsin',
      'application/x-ndjson',
      '{"event_type":"log","event_source":"s","raw_data":{"content":"a"}}\n{"event_type":"log","event_source":"s","raw_data":{"content":"b"}}',
    ],
    [
      'prometheus',
      'application/json',
      [
        { name: 'up', value: '1' },
        { name: 'up', value: 'NaN' },
        { name: 'up', value: '2' },
      ],
    ],
    ['alertmanager', 'application/json', { version: '4', alerts: [{ labels: { alertname: 'A' } }, { labels: { alertname: 'B' } }] }],
    ['cloudevents', 'application/cloudevents-batch+json', ['1', '2'].map((id) => ({ specversion: '1.0', id, source: 's', type: 't' }))],
    ['bk-monitor', 'application/json', { data: [{ metrics: { a: 1, b: 2 } }] }],
  ])('takes the format %s, in gzip too', async (format, type, body) => {
    const token = await declare({ format });
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await send('POST', `/api/v1/ingest/${name}`, gzipSync(text), { ...bearer(token, type), 'content-encoding': 'gzip' });
    expect(answer).toMatchObject({ status: 202, json: { accepted: 2, rejected: 0 } });
    expect(answer.json['dropped']).toEqual(format === 'prometheus' ? { nan: 1 } : undefined);
  });

  it('requires a token of the source, in either header', async () => {
    const token = await declare();
    const mine = name;
    name = `${name}-b`;
    const other = await declare();
    const code = async (path: string, headers: Record<string, string>) =>
      (await send('POST', path, [], { ...JSON_TYPE, ...headers })).json.error?.code;
    expect(await code(`/api/v1/ingest/${mine}`, {})).toBe('T1012');
    expect(await code(`/api/v1/ingest/${mine}?token=${token}`, {})).toBe('T1012');
    expect(await code(`/api/v1/ingest/${mine}`, { authorization: `Bearer ${other}` })).toBe('T1013');
    expect(await code(`/api/v1/ingest/${mine}`, { authorization: 'Bearer nonsense' })).toBe('T1013');
    expect(await code('/api/v1/ingest/nobody', { authorization: `Bearer ${token}` })).toBe('T1011');
    expect(await code(`/api/v1/ingest/${mine}`, { 'x-tocsin-token': token })).toBeUndefined();
    expect(await code(`/api/v1/ingest/${mine}`, { authorization: `bearer ${token}` })).toBeUndefined();
  });

  it('refuses a revoked token and a disabled source', async () => {
    const older = await declare();
    const { token: newer } = await sources().addToken(name, change());
    const code = async (token: string) => (await send('POST', `/api/v1/ingest/${name}`, [], bearer(token))).json.error?.code;
    expect([await code(older), await code(newer)]).toEqual([undefined, undefined]);
    await sources().revokeToken(name, change());
    expect([await code(older), await code(newer)]).toEqual(['T1013', undefined]);
    await sources().enable(name, false, change());
    expect(await code(newer)).toBe('T1014');
  });

  it('enforces the rate limit of the source, and returns Retry-After', async () => {
    const token = await declare({ rate: { events_per_second: 2, burst: 4 } });
    const events = (count: number) => Array.from({ length: count }, (_, n) => metric(n));
    expect((await send('POST', `/api/v1/ingest/${name}`, events(10), bearer(token))).status).toBe(202);
    const refused = await send('POST', `/api/v1/ingest/${name}`, events(1), bearer(token));
    expect(refused).toMatchObject({ status: 429, json: { error: { code: 'T1301' } } });
    // 10 events were taken from 4 tokens: 6 and the next one are missing, at 2 per second.
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(3);
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(4);
    expect((await send('POST', '/api/v1/events', { ...metric(1), bk_biz_id: '2' })).status).toBe(202);
    expect(await ofSource()).toHaveLength(11);
  });
});

describe('endpoints without a source in their path', () => {
  it('accept the token of a source, and then apply its business and rate limit', async () => {
    const token = await declare({ rate: { events_per_second: 1, burst: 1 } });
    const headers = { ...JSON_TYPE, authorization: `Bearer ${token}` };
    expect(await send('POST', '/api/v1/events', metric(1), headers)).toMatchObject({ status: 202 });
    expect(await ofSource()).toMatchObject([{ bk_biz_id: '7' }]);
    expect(await send('POST', '/api/v1/events', metric(2), headers)).toMatchObject({ status: 429 });
    const written = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy', authorization: `Bearer ${token}` };
    // Prometheus drops the samples after a 429 and retries after a 503.
    expect(await send('POST', '/api/v1/write', Buffer.from([0]), written)).toMatchObject({ status: 503, json: { error: { code: 'T1302' } } });
    await sources().remove(name, change());
    expect(await send('POST', '/api/v1/events', metric(3), headers)).toMatchObject({ status: 403, json: { error: { code: 'T1013' } } });
  });

  it('ignore a token without the Tocsin format, which may belong to a proxy', async () => {
    const headers = { ...JSON_TYPE, authorization: 'Bearer eyJhbGciOi' };
    expect(await send('POST', '/api/v1/events', metric(1, { bk_biz_id: '2' }), headers)).toMatchObject({ status: 202 });
  });

  it('drop events beyond the maximum age, and list them in the response', async () => {
    const old = metric(1, { bk_biz_id: '2', timestamp: Date.now() - 90_000_000 });
    const { status, json } = await send('POST', '/api/v1/events', [old, metric(2, { bk_biz_id: '2' })]);
    expect({ status, json }).toMatchObject({
      status: 202,
      json: { accepted: 1, rejected: 0, dropped: { expired: 1 }, errors: [{ index: 0, code: 'T1015' }] },
    });
    expect(await ofSource()).toHaveLength(1);
  });
});

describe('POST /api/v1/cloudevents', () => {
  const event = () => ({ specversion: '1.0', id: 'A-1', source: name, type: 'deploy', data: { message: 'v2' } });

  it('takes structured, batch and binary, which all make the same event', async () => {
    const query = '/api/v1/cloudevents?bk_biz_id=3';
    expect(await send('POST', query, event(), { 'content-type': 'application/cloudevents+json' })).toMatchObject({ status: 202 });
    expect(await send('POST', query, [event()], { 'content-type': 'application/cloudevents-batch+json' })).toMatchObject({ status: 202 });
    const binary = { ...JSON_TYPE, 'ce-specversion': '1.0', 'ce-id': 'A-1', 'ce-source': name, 'ce-type': 'deploy' };
    expect(await send('POST', query, { message: 'v2' }, binary)).toMatchObject({ status: 202 });
    const found = await ofSource();
    expect(found).toHaveLength(3);
    expect(new Set(found.map(({ event_id, bk_biz_id, raw_data }) => JSON.stringify([event_id, bk_biz_id, raw_data])))).toHaveProperty('size', 1);
  });

  it.each<[string, object, Record<string, string>, number, string]>([
    ['plain JSON', { a: 1 }, JSON_TYPE, 415, 'T1004'],
    ['another version', { specversion: '0.3' }, { 'content-type': 'application/cloudevents+json' }, 400, 'T1009'],
    ['no type at all', { a: 1 }, { 'content-type': '' }, 415, 'T1004'],
  ])('refuses %s', async (_what, body, headers, status, code) => {
    expect(await send('POST', '/api/v1/cloudevents', body, headers)).toMatchObject({ status, json: { error: { code } } });
  });
});

describe('POST /api/v1/mappings/test', () => {
  it('shows what a mapping makes of a sample, and what is wrong with either', async () => {
    const mapping = { metric: 'm', value: 'v' };
    const tried = await send('POST', '/api/v1/mappings/test', { mapping, sample: '{"m":"a","v":1}\n{"m":"b"}', business: 9 });
    expect(tried).toMatchObject({
      status: 200,
      json: { events: [{ bk_biz_id: '9', raw_data: { metric: 'a', value: 1 } }], errors: [{ index: 1, code: 'T1018' }] },
    });
    const wrong = await send('POST', '/api/v1/mappings/test', { mapping: { metric: 'a b[', volume: 1 }, sample: {} });
    expect(wrong).toMatchObject({ status: 400, json: { error: { code: 'T1017', message: expect.stringMatching(/mapping\.metric: .*mapping/) } } });
  });
});

describe('degrade switches', () => {
  const set = (body: object, source = name) =>
    send('PUT', `/api/v1/degrade/${encodeURIComponent(source)}`, { reason: 'flood', for_ms: 60_000, ...body });
  const offer = (...events: object[]) => send('POST', '/api/v1/events?bk_biz_id=2', events);
  afterEach(async () => {
    for (const { source } of (await send('GET', '/api/v1/degrade')).json['switches'] as { source: string }[]) {
      await send('DELETE', `/api/v1/degrade/${encodeURIComponent(source)}`);
    }
  });

  it('drop events by priority, report this to the sender, and are visible in every status output', async () => {
    expect(await set({ drop_priority: 3, by: 'ann' })).toMatchObject({ status: 200, json: { source: name, set_by: 'ann', dropped: 0 } });
    const important = { ...metric(2), priority: 1 };
    expect((await offer(metric(1), important)).json).toEqual({ accepted: 1, rejected: 0, dropped: { degraded: 1 }, errors: [] });
    expect((await offer(metric(1))).json).toEqual({ accepted: 0, rejected: 0, dropped: { degraded: 1 }, errors: [] });
    expect((await ofSource()).map(({ raw_data }) => (raw_data as { value: number }).value)).toEqual([2]);
    expect((await send('GET', '/api/v1/degrade')).json).toMatchObject({ degraded: true, switches: [{ source: name, dropped: 2, reason: 'flood' }] });
    const ready = await tocsin.client.get<{ details: { degrade: unknown } }>('/health/ready');
    expect(ready).toMatchObject({
      status: 200,
      body: { details: { degrade: { degraded: true, switches: [expect.stringContaining(`${name}: events of priority 3`)] } } },
    });
    const { body: metrics } = await tocsin.client.get<string>('/metrics');
    expect(metrics).toContain(`tocsin_access_degraded_events_total{source="${name}",by="priority"} 2`);
    expect(metrics).toContain(`tocsin_access_degrade_switch{source="${name}"} 1`);
    await eventually(
      async () =>
        (await tocsin.client.alerts('?status=ABNORMAL')).some(
          ({ labels }) => labels['alertname'] === 'TocsinDegradeSwitchActive' && labels['source'] === name,
        ),
      'an alert of our own',
    );
    expect((await send('DELETE', `/api/v1/degrade/${name}`)).status).toBe(204);
    expect((await offer(metric(5))).json).toMatchObject({ accepted: 1 });
    await eventually(
      async () => (await tocsin.client.alerts('?status=RECOVERED')).some(({ labels }) => labels['source'] === name),
      'the end of the alert',
    );
    expect((await send('DELETE', `/api/v1/degrade/${name}`)).json).toMatchObject({ error: { code: 'T1304' } });
  });

  it('apply to remote write: dropped samples are answered like accepted ones', async () => {
    await set({ drop_priority: 3 }, 'prometheus');
    const writer = protobuf.Writer.create().uint32(10).fork();
    writer.uint32(10).fork().uint32(10).string('__name__').uint32(18).string(name).ldelim();
    writer.uint32(18).fork().uint32(9).double(1).uint32(16).int64(Date.now()).ldelim().ldelim();
    const headers = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' };
    const write = () => send('POST', '/api/v1/write', compress(Buffer.from(writer.finish())), headers);
    const written = () => inTheLog((event) => event.event_type === 'metric' && event.raw_data.metric === name);
    expect((await write()).status).toBe(204);
    expect(await written()).toEqual([]);
    await send('DELETE', '/api/v1/degrade/prometheus');
    expect((await write()).status).toBe(204);
    expect(await written()).toHaveLength(1);
  });

  it('keep complete series when sampling, and apply to a declared source', async () => {
    const token = await declare();
    await set({ keep: 0.5 });
    const events = Array.from({ length: 200 }, (_, n) => metric(n, { event_source: 'someone' }));
    const ingest = () => send('POST', `/api/v1/ingest/${name}`, events, { ...JSON_TYPE, authorization: `Bearer ${token}` });
    const [first, second] = [await ingest(), await ingest()];
    expect(first.json['accepted']).toBeGreaterThan(60);
    expect(first.json['accepted']).toBeLessThan(140);
    expect(second.json['accepted']).toBe(first.json['accepted']);
    await set({ keep: 0, by: 'ann' }, '*');
    expect((await ingest()).json).toMatchObject({ accepted: 0, dropped: { degraded: 200 } });
  });

  it('let every alert through', async () => {
    await set({ keep: 0, drop_priority: 2 }, '*');
    const labels = { alertname: 'Kept', source: name };
    expect((await send('POST', '/api/v2/alerts', [{ labels }])).status).toBe(200);
    expect((await offer({ event_type: 'alert', event_source: name, priority: 5, raw_data: { labels } })).json).toMatchObject({ accepted: 1 });
  });

  it('expire automatically, with an audit row', async () => {
    await set({ keep: 0, for_ms: 1000 });
    expect((await offer(metric(1))).json).toMatchObject({ accepted: 0 });
    await eventually(async () => (await offer(metric(2))).json['accepted'] === 1, 'the end of the switch');
    const audit = () =>
      tocsin.running.app.get(Database).query<{ action: string }>('SELECT action FROM audit WHERE object_id = ? ORDER BY id', [name]);
    const actions = async () => (await audit()).map(({ action }) => action);
    await eventually(async () => (await actions()).includes('degrade.expired'), 'the audit row');
    expect(await actions()).toEqual(['degrade.set', 'degrade.expired']);
  });
});

describe('every endpoint', () => {
  const deep = '['.repeat(100_000) + ']'.repeat(100_000);
  const doors: [string, string, string, (items: string) => string][] = [
    ['ingest', '/api/v1/ingest/', 'application/json', (items) => items],
    ['bk-monitor', '/v2/push', 'application/json', (items) => `{"data_id":1,"access_token":"TOKEN","data":${items}}`],
    ['cloudevents', '/api/v1/cloudevents?bk_biz_id=2', 'application/cloudevents-batch+json', (items) => items],
    ['the test of mappings', '/api/v1/mappings/test', 'application/json', (items) => `{"mapping":{"metric":"m","value":"v"},"sample":${items}}`],
  ];

  it.each(doors)('%s answers invalid bodies with an error code, and accepts later requests', async (what, path, type, wrap) => {
    const token = await declare({ data_id: 1_200_000 + number });
    const body = (items: string) =>
      wrap(items)
        .replace('"data_id":1,', `"data_id":${1_200_000 + number},`)
        .replace('TOKEN', token);
    const headers = { 'content-type': type, authorization: `Bearer ${token}` };
    const post = async (bytes: Buffer | string, more: Record<string, string> = {}) => {
      const { status, json } = await send('POST', what === 'ingest' ? path + name : path, bytes, { ...headers, ...more });
      const { details } = json.error ?? {};
      const errors = ((details ?? json) as { errors?: { code: string }[] }).errors ?? [];
      return `${status} ${json.error?.code ?? ''} ${errors.map(({ code }) => code).join()}`.trim().replace(/ +/g, ' ');
    };
    const zip = { 'content-encoding': 'gzip' };
    expect(await post('')).toMatch(/^400 T10(01|17)$/);
    expect(await post(body('[1').slice(0, -1))).toBe('400 T1001');
    expect(await post(Buffer.concat([Buffer.from(body('["')), Buffer.from([0xff])]))).toMatch(/^400 T100[12]$/);
    expect(await post(body(deep))).toMatch(/^413 T1003$/);
    expect(await post(gzipSync(body(deep)), zip)).toMatch(/^400 T1005$|^400 T1009 T1005$/);
    expect(await post(body('[{"__proto__":{"x":1}}]'))).toMatch(/^400 T1006$|^400 T1009 T1006$/);
    expect(await post(gzipSync(Buffer.alloc(5_000_000)), zip)).toBe('413 T1003');
    expect(await post('no gzip', zip)).toBe('400 T1007');
    expect(await post('{}', { 'content-encoding': 'br' })).toBe('415 T1004');
    expect(await post(body(`[${'{},'.repeat(600)}{}]`))).toMatch(/^413 T1010$/);
    expect(({} as { x?: number }).x).toBeUndefined();
    expect((await send('GET', '/health/live')).status).toBe(200);
  });

  it.each(['/api/v1/ingest/x', '/v2/push/', '/api/v1/cloudevents', '/api/v1/mappings/test', '/api/v1/events', '/api/v1/write'])(
    'answers 405 when %s is asked with another method',
    async (path) => {
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const { status, json, headers } = await send(method, path, undefined, {});
        expect({ status, code: json.error?.code, allow: headers.get('allow') }).toEqual({ status: 405, code: 'T1019', allow: 'POST' });
      }
    },
  );
});
