import type { RawEvent } from '../../topics.js';
import { Rejection } from '../rejection.js';
import { mapping as format } from './mapping-format.js';
import { type Mapping, mappingSchema } from './mapping.js';
import { valueAt, valuesAt, parsePath, type Path } from './path.js';

const NOW = Date.UTC(2026, 10, 20, 12);

function read(given: object, sample: unknown, contentType?: string) {
  const mapping: Mapping = mappingSchema.parse(given);
  const bytes = Buffer.from(typeof sample === 'string' ? sample : JSON.stringify(sample));
  const request = { now: NOW, business: '2', contentId: 'content', requestId: 'arrival', most: 1000, source: 'shop', mapping, contentType };
  return format.read(bytes, request);
}

const events = (given: object, sample: unknown): RawEvent[] =>
  read(given, sample).map((item) => {
    if (!('event' in item)) throw new Error(JSON.stringify(item));
    return item.event;
  });

const reasons = (given: object, sample: unknown, contentType?: string) =>
  read(given, sample, contentType).map((item) => (item instanceof Rejection ? `${item.code} ${item.message}` : 'event'));

describe('a mapping', () => {
  it('makes metric events of the items of a document', () => {
    const given = {
      items: 'report.samples[*]',
      metric: { constant: 'disk.used' },
      value: 'usage.percent',
      timestamp: 'at',
      timestamp_unit: 's',
      bk_biz_id: '$.tenant',
      event_id: 'uid',
      dimensions: { all: 'tags', but: ['secret'], pick: { host: '$.report.host', mount: { path: 'mount', default: '/' } }, fixed: { env: 'prod' } },
    };
    const sample = {
      tenant: 7,
      report: {
        host: 'db-1',
        samples: [
          { uid: 'a', at: NOW / 1000, usage: { percent: '91.5' }, tags: { rack: 3, secret: 'x', nested: {}, none: null }, mount: '/var' },
          { uid: 'b', at: NOW / 1000 + 1, usage: { percent: 12 } },
        ],
      },
    };
    expect(events(given, sample)).toEqual([
      {
        event_id: 'a',
        event_type: 'metric',
        bk_biz_id: '7',
        event_source: 'shop',
        timestamp: NOW,
        raw_data: { metric: 'disk.used', value: 91.5, dimensions: { rack: '3', host: 'db-1', mount: '/var', env: 'prod' } },
      },
      {
        event_id: 'b',
        event_type: 'metric',
        bk_biz_id: '7',
        event_source: 'shop',
        timestamp: NOW + 1000,
        raw_data: { metric: 'disk.used', value: 12, dimensions: { host: 'db-1', mount: '/', env: 'prod' } },
      },
    ]);
  });

  it('makes custom events and logs', () => {
    const [event] = events({ event_name: 'kind', content: 'text', level: 'sev', priority: 'prio' }, { kind: 'deploy', text: 42, sev: 2, prio: 4 });
    expect(event).toMatchObject({ event_type: 'event', priority: 4, raw_data: { event_name: 'deploy', content: '42', level: '2' } });
    expect(events({ content: 'text' }, [{ text: 'a line' }])[0]).toMatchObject({ event_type: 'log', raw_data: { content: 'a line' } });
    expect(events({ event_type: { constant: 'log' }, event_name: 'a', content: 'a' }, { a: 'x' })[0]).toMatchObject({ event_type: 'log' });
  });

  it('takes items that are arrays, and lines', () => {
    const matrix = {
      labels: { job: 'a' },
      values: [
        [NOW / 1000, '1'],
        [NOW / 1000 + 1, '2'],
      ],
    };
    const given = { items: 'values[*]', metric: { constant: 'm' }, value: '[1]', timestamp: '[0]', dimensions: { all: '$.labels' } };
    expect(events(given, matrix).map(({ raw_data }) => raw_data)).toMatchObject([{ value: 1, dimensions: { job: 'a' } }, { value: 2 }]);
    const lines = '{"m":"a","v":1}\nbroken\n{"m":"b","v":2}';
    expect(reasons({ metric: 'm', value: 'v' }, lines, 'application/x-ndjson')).toEqual(['event', expect.stringMatching(/^T1001 line 2/), 'event']);
  });

  it.each<[string, object, unknown, string]>([
    ['nothing at a path', { metric: 'a.b', value: 'v' }, { v: 1 }, 'T1018 metric: no value at a.b'],
    ['an object where a value should be', { metric: 'a', value: 'v' }, { a: {}, v: 1 }, 'T1018 metric: value at a is an object or array'],
    ['a value that is no number', { metric: 'a', value: 'v' }, { a: 'x', v: 'much' }, 'T1101 raw_data.value must be a number'],
    ['no items', { items: 'rows', metric: 'a', value: 'v' }, { a: 'x' }, 'T1018 items: no value at rows'],
    [
      'a type that cannot be',
      { event_type: 'a', metric: 'a', value: 'v' },
      { a: 'tick', v: 1 },
      'T1101 event_type must be one of metric, event, log, alert',
    ],
    ['an inherited field', { metric: 'toString', value: 'v' }, { v: 1 }, 'T1018 metric: no value at toString'],
  ])('says why for %s', (_what, given, sample, reason) => {
    expect(reasons(given, sample)).toEqual([reason]);
  });

  it.each<[string, object, string]>([
    ['nothing that makes an event', {}, 'metric: metric and value, or event_name, or content are required'],
    ['a metric without a value', { metric: 'a' }, 'value: is required with metric'],
    ['a path that is none', { metric: 'a..b', value: 'v' }, 'metric: unexpected "..b" at character 2'],
    ['a star outside of items', { metric: 'a[*]', value: 'v' }, 'metric: [*] is only allowed in items'],
    ['a word that is unknown', { metric: 'a', value: 'v', unit: 's' }, ': Unrecognized key: "unit"'],
    ['but without all', { metric: 'a', value: 'v', dimensions: { but: ['x'] } }, 'dimensions.but: requires all'],
    ['an endless path', { metric: 'a.'.repeat(200) + 'a', value: 'v' }, 'metric: path must have at most 256 characters'],
  ])('is refused with %s', (_what, given, problem) => {
    const result = mappingSchema.safeParse(given);
    expect(result.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)).toContain(problem);
  });
});

describe('a path', () => {
  const path = (text: string): Path => {
    const parsed = parsePath(text, { all: true });
    if (typeof parsed === 'string') throw new Error(parsed);
    return parsed;
  };
  const item = { a: { 'b.c': [1, { d: 2 }, 3] }, 'x y': 'blank' };

  it.each<[string, unknown]>([
    ['a["b.c"][0]', 1],
    ['a["b.c"][1].d', 2],
    ['a["b.c"][-1]', 3],
    ['a["b.c"][9]', undefined],
    ['x y', 'blank'],
    ['$.root', true],
    ['$["root"]', true],
    ['a.b.c', undefined],
    ['__proto__', undefined],
    ['constructor.name', undefined],
    ['a["b.c"].length', undefined],
  ])('%s', (text, value) => {
    expect(valueAt(path(text), { root: true }, item)).toEqual(value);
  });

  it('stops at the maximum number of values', () => {
    const wide = new Array(1000).fill(new Array(1000).fill(1));
    expect(valuesAt(path('$[*][*]'), wide, 50).length).toBe(51);
  });

  it.each(['', '.a', 'a.', 'a[', 'a[x]', 'a["b]', 'a[1', '[', 'a b]', '$a', 'a'.repeat(257), `${'a.'.repeat(16)}a`])('%s is none', (text) => {
    expect(typeof parsePath(text)).toBe('string');
  });
});
