import { TocsinError } from '../../shared/errors.js';
import { type RawEvent, topics } from '../../topics.js';
import { Skipped, Rejection } from '../rejection.js';
import { WEBHOOK_LEASE_MS } from './alertmanager.js';
import type { FormatRequest, Item } from './format.js';
import { type FormatName, formats } from './formats.js';

const NOW = Date.UTC(2026, 10, 20, 12);
const iso = (time: number) => new Date(time).toISOString();

const request: FormatRequest = { now: NOW, business: '2', contentId: 'content', requestId: 'arrival', most: 1000, source: 'shop' };

function read(format: FormatName, body: unknown, change: Partial<FormatRequest> = {}): readonly Item[] {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return formats[format].read(bytes, { ...request, ...change });
}

/** The events, which all fit the topic; anything else fails the test. */
function events(format: FormatName, body: unknown, change: Partial<FormatRequest> = {}): RawEvent[] {
  return read(format, body, change).map((item) => {
    if (!('event' in item)) throw new Error(JSON.stringify(item));
    expect(topics.rawEvents.parse(item.event)).toEqual(item.event);
    return item.event;
  });
}

const reasons = (items: readonly Item[]) =>
  items.map((item) => (item instanceof Rejection ? `${item.code} ${item.message}` : item instanceof Skipped ? item.reason : 'event'));

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof TocsinError) return error.code;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('bk-monitor', () => {
  const series = { metrics: { cpu_load: 10, mem: 0.5 }, target: '10.0.0.7', dimension: { module: 'db', shard: 3 }, timestamp: NOW };
  const told = {
    event_name: 'core_dump',
    event: { content: 'nginx dumped core', extra: { pid: 7 } },
    target: '10.0.0.7',
    dimension: { module: 'web' },
    timestamp: NOW - 5000,
  };
  const report = (...data: unknown[]) => ({ data_id: 1100001, access_token: 'secret', data });

  it('makes an event of each metric of a time series report, with the target among its dimensions', () => {
    expect(events('bk-monitor', report(series))).toEqual([
      {
        event_id: 'content-0-0',
        event_type: 'metric',
        bk_biz_id: '2',
        event_source: 'shop',
        timestamp: NOW,
        raw_data: { metric: 'cpu_load', value: 10, dimensions: { module: 'db', shard: '3', target: '10.0.0.7' } },
      },
      {
        event_id: 'content-0-1',
        event_type: 'metric',
        bk_biz_id: '2',
        event_source: 'shop',
        timestamp: NOW,
        raw_data: { metric: 'mem', value: 0.5, dimensions: { module: 'db', shard: '3', target: '10.0.0.7' } },
      },
    ]);
  });

  it('makes an event of an event report, and keeps what else it says', () => {
    expect(events('bk-monitor', report(told))).toEqual([
      {
        event_id: 'content-0',
        event_type: 'event',
        bk_biz_id: '2',
        event_source: 'shop',
        timestamp: NOW - 5000,
        raw_data: {
          event_name: 'core_dump',
          content: 'nginx dumped core',
          level: undefined,
          extra: { pid: 7 },
          dimensions: { module: 'web', target: '10.0.0.7' },
        },
      },
    ]);
  });

  it('takes 0 for a clock that the agent does not have, and leaves dimensions without a value out', () => {
    const [event] = events('bk-monitor', report({ metrics: { up: 1 }, target: 'a', dimension: { rack: null }, timestamp: 0 }));
    expect(event).toMatchObject({ event_id: 'arrival-0-0', timestamp: NOW, raw_data: { dimensions: { target: 'a' } } });
  });

  it('reads bare items, as agents publish them to a topic', () => {
    expect(events('bk-monitor', series)).toHaveLength(2);
    expect(events('bk-monitor', [series, told])).toHaveLength(3);
  });

  it.each<[string, unknown, string]>([
    ['no metrics at all', {}, 'T1101 data[0] must have metrics or event_name'],
    ['metrics that are none', { metrics: 7 }, 'T1101 data[0].metrics must be an object'],
    ['empty metrics', { metrics: {} }, 'T1101 data[0].metrics must not be empty'],
    ['a value that is text', { metrics: { cpu: '10' } }, 'T1101 data[0-0]: raw_data.value must be a number'],
    ['a dimension that is a list', { metrics: { cpu: 1 }, dimension: [] }, 'T1101 data[0-0].dimension must be an object'],
    ['a time that is none', { metrics: { cpu: 1 }, timestamp: 17 }, 'T1103 data[0-0]: timestamp 17'],
    ['an event that is text', { event_name: 'x', event: 'y' }, 'T1101 data[0].event must be an object'],
    ['an item that is text', 'x', 'T1101 data[0] must be an object'],
  ])('refuses %s, and only that item', (_what, item, reason) => {
    expect(reasons(read('bk-monitor', report(item, { metrics: { ok: 1 } })))).toEqual([reason, 'event']);
  });

  it('counts metrics, not items, against the limit', () => {
    expect(refusal(() => read('bk-monitor', report(series, series), { most: 3 }))).toBe('T1010');
  });
});

describe('cloudevents', () => {
  const STRUCTURED = { contentType: 'application/cloudevents+json; charset=utf-8' };
  const one = {
    specversion: '1.0',
    id: 'A-1',
    source: '/shop/orders',
    type: 'com.example.order.failed',
    subject: 'order-7',
    time: iso(NOW - 1000),
    datacontenttype: 'application/json',
    region: 'eu',
    data: { message: 'card refused', severity: 'critical', dimensions: { customer: 'c9' } },
  };

  it('makes an event of a structured CloudEvent', () => {
    expect(events('cloudevents', one, STRUCTURED)).toEqual([
      {
        event_id: expect.stringMatching(/^[0-9a-f]{32}$/),
        event_type: 'event',
        bk_biz_id: '2',
        event_source: '/shop/orders',
        timestamp: NOW - 1000,
        raw_data: {
          event_name: 'com.example.order.failed',
          content: 'card refused',
          level: 'critical',
          dimensions: { subject: 'order-7', region: 'eu', customer: 'c9' },
          data: one.data,
        },
      },
    ]);
  });

  it('makes a metric of data that has metric and value', () => {
    const data = { metric: 'queue.length', value: 42, unit: 'jobs' };
    const [event] = events('cloudevents', { ...one, bkbizid: 7, priority: 4, data }, STRUCTURED);
    expect(event).toMatchObject({
      event_type: 'metric',
      bk_biz_id: '7',
      priority: 4,
      raw_data: { metric: 'queue.length', value: 42, unit: 'jobs', dimensions: { subject: 'order-7', region: 'eu' } },
    });
  });

  it('gives source and id one event id, however and whenever they come, and others another', () => {
    const id = (change: object) => events('cloudevents', { ...one, ...change }, { ...STRUCTURED, requestId: 'b', contentId: 'c' })[0]!.event_id;
    expect(id({ time: undefined, type: 'x' })).toBe(events('cloudevents', one, STRUCTURED)[0]!.event_id);
    expect(new Set([id({}), id({ id: 'A-2' }), id({ source: '/shop' }), id({ source: '/shop/ordersA', id: '-1' })]).size).toBe(4);
  });

  it('reads a batch, and rejects only its invalid items', () => {
    const batch = [one, { ...one, specversion: '0.3' }, { ...one, id: '' }, { ...one, id: 'A-2', time: 'noon' }, 7];
    expect(reasons(read('cloudevents', batch, { contentType: 'application/cloudevents-batch+json' }))).toEqual([
      'event',
      'T1016 specversion "0.3"; supported: 1.0',
      'T1016 id must be a string',
      'T1103 timestamp noon',
      'T1101 the CloudEvent must be an object',
    ]);
  });

  it('reads binary mode: attributes from headers, data from the body', () => {
    const headers = {
      'ce-specversion': '1.0',
      'ce-id': 'A-1',
      'ce-source': '/shop/orders',
      'ce-type': 'com.example.order.failed',
      'ce-region': 'Z%C3%BCrich',
      'x-other': '1',
    };
    const [event] = events('cloudevents', { message: 'card refused' }, { contentType: 'application/json', headers });
    expect(event).toMatchObject({ timestamp: NOW, raw_data: { content: 'card refused', dimensions: { region: 'Zürich' } } });
    expect(event!.event_id).toBe(events('cloudevents', one, STRUCTURED)[0]!.event_id);
    expect(events('cloudevents', 'plain words', { contentType: 'text/plain', headers })[0]!.raw_data).toMatchObject({ content: 'plain words' });
    expect(events('cloudevents', Buffer.alloc(0), { contentType: 'missing', headers })[0]!.raw_data).toMatchObject({ content: undefined });
    expect(reasons(read('cloudevents', Buffer.from([0xff]), { contentType: 'text/plain', headers }))).toEqual(['T1002 data: invalid UTF-8']);
  });

  it('reads records of Kafka: binary by their headers, structured without a content type', () => {
    const headers = { ce_specversion: '1.0', ce_id: '1', ce_source: 's', ce_type: 't', 'content-type': 'application/json' };
    expect(events('cloudevents', { message: 'hello' }, { headers })[0]!.raw_data).toMatchObject({ event_name: 't', content: 'hello' });
    expect(events('cloudevents', one)).toHaveLength(1);
    expect(events('cloudevents', [one, one])).toHaveLength(2);
  });

  it('undoes base64 where the type says that text or JSON is in it', () => {
    const coded = (text: string, type: string) => {
      const event = { ...one, data: undefined, data_base64: Buffer.from(text).toString('base64'), datacontenttype: type };
      return events('cloudevents', event, STRUCTURED)[0]!.raw_data;
    };
    expect(coded('hello', 'text/plain')).toMatchObject({ content: 'hello' });
    expect(coded('{"metric":"m","value":1}', 'application/json')).toMatchObject({ metric: 'm', value: 1 });
    expect(coded('\u0000\u0001', 'application/octet-stream')).toMatchObject({ content: undefined });
  });

  it.each([
    ['a type of its own that is none of CloudEvents', 'application/json', one, 'T1004'],
    ['a batch that is no array', 'application/cloudevents-batch+json', one, 'T1016'],
    ['broken JSON', 'application/cloudevents+json', '{', 'T1001'],
    ['XML', 'application/cloudevents+xml', '<a/>', 'T1004'],
  ])('refuses %s', (_what, contentType, body, code) => {
    expect(refusal(() => read('cloudevents', body, { contentType }))).toBe(code);
  });
});

describe('prometheus', () => {
  const sample = (change: object = {}) => ({
    timestamp: iso(NOW),
    value: '9.5',
    name: 'up',
    labels: { __name__: 'up', job: 'node', empty: '' },
    ...change,
  });

  it('makes a metric event of a sample of prometheus-kafka-adapter', () => {
    expect(events('prometheus', sample())).toEqual([
      {
        event_id: expect.stringMatching(/^[0-9a-f]{32}-1795176000000$/),
        event_type: 'metric',
        bk_biz_id: '2',
        event_source: 'prometheus',
        timestamp: NOW,
        raw_data: { metric: 'up', value: 9.5, dimensions: { job: 'node' } },
      },
    ]);
  });

  it.each<[string, unknown]>([
    ['an array', [sample(), sample({ name: 'down' })]],
    ['lines', `${JSON.stringify(sample())}\n${JSON.stringify(sample({ name: 'down' }))}\n`],
  ])('reads %s', (_what, body) => {
    expect(events('prometheus', body).map(({ raw_data }) => (raw_data as { metric: string }).metric)).toEqual(['up', 'down']);
  });

  it('gives a sample that a second server writes the same id, and any other sample another', () => {
    const id = (change: object) => events('prometheus', sample(change), { contentId: 'x' })[0]!.event_id;
    expect(id({ labels: { job: 'node', __name__: 'up' } })).toBe(events('prometheus', sample())[0]!.event_id);
    expect(new Set([id({}), id({ timestamp: iso(NOW - 1) }), id({ labels: { job: 'b' } }), id({ name: 'x' })]).size).toBe(4);
  });

  it('skips samples without a finite value, without an error', () => {
    expect(
      reasons(
        read(
          'prometheus',
          ['NaN', '+Inf', '-Inf'].map((value) => sample({ value })),
        ),
      ),
    ).toEqual(['nan', 'infinite', 'infinite']);
  });

  it.each<[string, object, string]>([
    ['a value that is no number', { value: 'x1' }, 'T1101 value must be a number'],
    ['no value', { value: undefined }, 'T1101 value must be a number'],
    ['no name', { name: undefined, labels: {} }, 'T1101 sample has no name'],
    ['a label that is a number', { labels: { a: 1 } }, 'T1101 labels.a must be a string'],
    ['a time that is none', { timestamp: 'x' }, 'T1103 timestamp x'],
  ])('refuses %s', (_what, change, reason) => {
    expect(reasons(read('prometheus', sample(change)))).toEqual([reason]);
  });
});

describe('alertmanager', () => {
  const alert = { status: 'firing', labels: { alertname: 'Down', severity: 'critical' }, startsAt: iso(NOW - 1000), fingerprint: 'f' };
  const raw = (body: unknown) => events('alertmanager', body).map(({ raw_data }) => raw_data);

  it('reads a webhook body: firing alerts stay open until the next notification is due, resolved alerts end', () => {
    const webhook = {
      version: '4',
      receiver: 'tocsin',
      alerts: [
        { ...alert, endsAt: '0001-01-01T00:00:00Z' },
        { ...alert, status: 'resolved', endsAt: iso(NOW) },
      ],
    };
    expect(raw(webhook)).toEqual([
      { labels: alert.labels, annotations: {}, startsAt: NOW - 1000, endsAt: NOW + WEBHOOK_LEASE_MS, timeout: true },
      { labels: alert.labels, annotations: {}, startsAt: NOW - 1000, endsAt: NOW },
    ]);
  });

  it('takes alerts as Prometheus sends them, one or many, for five minutes', () => {
    expect(raw([alert, alert])).toHaveLength(2);
    expect(raw(alert)).toMatchObject([{ endsAt: NOW + 300_000, timeout: true }]);
  });

  it('refuses an alert without labels, and a source without a business', () => {
    expect(reasons(read('alertmanager', [{ labels: {} }, alert]))).toEqual(['T1101 alert 0: at least one label pair required', 'event']);
    expect(reasons(read('alertmanager', [alert], { business: undefined }))).toEqual(['T1101 the source must define a business']);
  });
});

describe('every format', () => {
  const names = Object.keys(formats) as FormatName[];
  const mapping = { metric: 'm', value: 'v' };
  const typeOf = (name: FormatName) => (name === 'cloudevents' ? 'application/cloudevents-batch+json' : 'application/json');

  it.each(names)('%s says why, and never more than that, for bytes that are not its own', (name) => {
    const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    const bodies = [
      '{',
      'null',
      '7',
      '""',
      '[]',
      '{}',
      '[null]',
      '{"__proto__":{"a":1}}',
      '[{"constructor":{"prototype":1}}]',
      deep(100_000),
      `[${deep(1000)}]`,
    ];
    for (const body of [...bodies.map((text) => Buffer.from(text)), Buffer.from([0xff, 0xfe, 0x00]), Buffer.from('\ufeff{}'), Buffer.alloc(0)]) {
      let items: readonly Item[] = [];
      try {
        items = read(name, body, { contentType: typeOf(name), mapping });
      } catch (error) {
        expect(error).toBeInstanceOf(TocsinError);
      }
      expect(items.filter((item) => 'event' in item)).toEqual([]);
    }
    expect(({} as { a?: number }).a).toBeUndefined();
  });

  it.each(names)('%s takes no more than it may', (name) => {
    const many = JSON.stringify(new Array(11).fill({}));
    expect(refusal(() => read(name, many, { contentType: typeOf(name), mapping, most: 10 }))).toBe('T1010');
  });
});
