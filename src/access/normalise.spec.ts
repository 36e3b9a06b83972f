import fc from 'fast-check';
import { parseJson } from '../shared/json.js';
import { topics } from '../topics.js';
import { encode, pack } from './envelope.js';
import { EVENT_DEPTH, normalise, type Normalised } from './normalise.js';
import { Rejection } from './rejection.js';

const NOW = 1_700_000_000_000;
const request = { now: NOW, business: undefined, contentId: 'content', requestId: 'arrival' };

const metric = {
  event_type: 'metric',
  bk_biz_id: '2',
  event_source: 'agent',
  timestamp: NOW,
  raw_data: { metric: 'cpu', value: 1.5, dimensions: { host: 'a' } },
};
const custom = {
  event_type: 'event',
  bk_biz_id: 2,
  event_source: 'agent',
  timestamp: NOW,
  raw_data: { event_name: 'oom', content: 'killed', level: 2 },
};
const log = { event_type: 'log', bk_biz_id: '2', event_source: 'nginx', timestamp: NOW, raw_data: { content: 'GET /' } };
const alert = { event_type: 'alert', bk_biz_id: '2', event_source: 'agent', timestamp: NOW, raw_data: { labels: { alertname: 'X' } } };

const rawOf = (base: { raw_data: object }, change: object) => ({ ...base, raw_data: { ...base.raw_data, ...change } });
const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`d${index}`, 'x']));
const json = (text: string): unknown => JSON.parse(text);

function accepted(item: unknown, index = 0): Normalised {
  const outcome = normalise(item, index, request);
  if (outcome instanceof Rejection) throw new Error(`refused: ${outcome.code} ${outcome.message}`);
  return outcome;
}

function code(item: unknown): string {
  const outcome = normalise(item, 0, request);
  return outcome instanceof Rejection ? outcome.code : 'accepted';
}

/** The event as the consumer parses it, alone and in an envelope. */
function consumed({ event }: Normalised): unknown[] {
  const encoded = encode(event, 'bk_biz_id', 1e9);
  if (encoded instanceof Rejection) throw new Error(encoded.message);
  return [[encoded], [encoded, encoded]].flatMap((members) =>
    pack(members, 0).map(({ value }) => topics.rawEvents.schema.parse(parseJson(Buffer.from(value)))),
  );
}

describe('normalise', () => {
  it.each<[string, unknown, string]>([
    ['a metric', metric, 'accepted'],
    ['a custom event', custom, 'accepted'],
    ['a log event', log, 'accepted'],
    ['an alert', alert, 'accepted'],
    ['no object', 7, 'T1101'],
    ['null', null, 'T1101'],
    ['an array', [metric], 'T1101'],
    ['an unknown type', { ...metric, event_type: 'trace' }, 'T1101'],
    ['our own clock record', { ...metric, event_type: 'tick', raw_data: { rules_version: 1 } }, 'T1101'],
    ['a type from the prototype', { ...metric, event_type: 'constructor' }, 'T1101'],
    ['no type', { ...metric, event_type: undefined }, 'T1101'],
    ['no business', { ...metric, bk_biz_id: undefined }, 'T1101'],
    ['a business with a fraction', { ...metric, bk_biz_id: 2.5 }, 'T1101'],
    ['a business with a blank', { ...metric, bk_biz_id: 'a b' }, 'T1101'],
    ['a long business', { ...metric, bk_biz_id: 'b'.repeat(65) }, 'T1101'],
    ['no source', { ...metric, event_source: undefined }, 'T1101'],
    ['a number as id', { ...metric, event_id: 7 }, 'accepted'],
    ['an empty id', { ...metric, event_id: '' }, 'T1101'],
    ['an object as id', { ...metric, event_id: {} }, 'T1101'],
    ['a field that would make an envelope of it', { ...metric, v: 1, events: [metric] }, 'T1101'],
    ['no raw data', { ...metric, raw_data: undefined }, 'T1101'],
    ['raw data as text', { ...metric, raw_data: 'x' }, 'T1101'],
    ['no metric name', rawOf(metric, { metric: '' }), 'T1101'],
    ['a value as text', rawOf(metric, { value: '12' }), 'T1101'],
    ['no value', rawOf(metric, { value: null }), 'T1101'],
    ['NaN as text', rawOf(metric, { value: 'NaN' }), 'T1102'],
    ['infinity as text', rawOf(metric, { value: '-Infinity' }), 'T1102'],
    ['+Inf as text', rawOf(metric, { value: '+Inf' }), 'T1102'],
    ['a number too large to be one', json(JSON.stringify(metric).replace('1.5', '1e999')), 'T1102'],
    ['an infinite dimension', json(JSON.stringify(metric).replace('"a"', '1e999')), 'T1102'],
    ['an object as dimension', rawOf(metric, { dimensions: { host: {} } }), 'T1101'],
    ['dimensions as text', rawOf(metric, { dimensions: 'host' }), 'T1101'],
    ['no dimensions', rawOf(metric, { dimensions: null }), 'accepted'],
    ['64 dimensions', rawOf(metric, { dimensions: many(64) }), 'accepted'],
    ['65 dimensions', rawOf(metric, { dimensions: many(65) }), 'T1105'],
    ['a dimension name of 128 bytes', rawOf(metric, { dimensions: { ['x'.repeat(128)]: '1' } }), 'accepted'],
    ['a dimension name of 129 bytes', rawOf(metric, { dimensions: { ['é'.repeat(64) + 'x']: '1' } }), 'T1105'],
    ['a dimension of 1024 bytes', rawOf(metric, { dimensions: { host: 'x'.repeat(1024) } }), 'accepted'],
    ['a dimension of 1026 bytes', rawOf(metric, { dimensions: { host: '空'.repeat(342) } }), 'T1105'],
    ['a timestamp as truth value', { ...metric, timestamp: true }, 'T1101'],
    ['an absurd timestamp', { ...metric, timestamp: 42 }, 'T1103'],
    ['a timestamp years ahead', { ...metric, timestamp: NOW + 1e12 }, 'T1103'],
    ['a word as timestamp', { ...metric, timestamp: 'NaN' }, 'T1103'],
    ['no event name', rawOf(custom, { event_name: undefined }), 'T1101'],
    ['content that is no text', rawOf(custom, { content: 7 }), 'T1101'],
    ['an object as level', rawOf(custom, { level: {} }), 'T1101'],
    ['nulls where nothing need be', rawOf(custom, { content: null, level: null, dimensions: null }), 'accepted'],
    ['a log without content', rawOf(log, { content: undefined }), 'T1101'],
    ['an alert without labels', rawOf(alert, { labels: {} }), 'T1101'],
    ['an alert that ends before it starts', rawOf(alert, { startsAt: NOW, endsAt: NOW - 1000 }), 'T1103'],
    ['an alert with a timeout that is no truth value', rawOf(alert, { timeout: 'yes', generatorURL: 7 }), 'accepted'],
    ['a key __proto__', json(`{"__proto__":{"polluted":1},${JSON.stringify(metric).slice(1)}`), 'T1006'],
    ['a dimension constructor', rawOf(metric, { dimensions: { constructor: 'x' } }), 'T1006'],
    ['deep unknown fields', { ...metric, more: json('['.repeat(EVENT_DEPTH) + ']'.repeat(EVENT_DEPTH)) }, 'T1005'],
    ['unknown fields as deep as allowed', { ...metric, more: json('['.repeat(EVENT_DEPTH - 1) + ']'.repeat(EVENT_DEPTH - 1)) }, 'accepted'],
  ])('knows what to do with %s', (_what, item, expected) => {
    expect(code(item)).toBe(expected);
    if (expected === 'accepted') expect(consumed(accepted(item))).toHaveLength(2);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('makes text of business and dimensions and keeps unknown fields', () => {
    const item = { ...rawOf(metric, { dimensions: { port: 80, up: true, host: 'a' }, unit: '%' }), bk_biz_id: 7, team: ['a'] };
    expect(accepted(item).event).toEqual({
      event_id: 'content-0',
      event_type: 'metric',
      bk_biz_id: '7',
      event_source: 'agent',
      timestamp: NOW,
      raw_data: { metric: 'cpu', value: 1.5, dimensions: { port: '80', up: 'true', host: 'a' }, unit: '%' },
      team: ['a'],
    });
  });

  it('says which field is wrong', () => {
    expect(normalise(rawOf(metric, { dimensions: { host: [] } }), 0, request)).toEqual(
      new Rejection('T1101', 'raw_data.dimensions.host must be a string or a number'),
    );
  });

  it('gives the business of the request to an event that names none', () => {
    const outcome = normalise({ ...metric, bk_biz_id: undefined }, 0, { ...request, business: '9' });
    expect(outcome).toMatchObject({ event: { bk_biz_id: '9' } });
  });

  it('clamps a future timestamp to now and reports it', () => {
    expect(accepted({ ...metric, timestamp: NOW + 3_600_000 })).toMatchObject({ clamped: true, event: { timestamp: NOW } });
    expect(accepted({ ...metric, timestamp: NOW + 1000 })).toMatchObject({ clamped: false, event: { timestamp: NOW + 1000 } });
  });

  it('makes the same id of the same content, unless the item does not say when it happened', () => {
    expect(accepted(metric, 3).event.event_id).toBe('content-3');
    expect(accepted({ ...metric, timestamp: undefined }, 3).event.event_id).toBe('arrival-3');
    expect(accepted({ ...metric, event_id: 'own' }, 3).event.event_id).toBe('own');
  });

  it('does not change what it was given', () => {
    const item = rawOf(metric, { dimensions: { port: 80 } });
    const before = structuredClone(item);
    accepted(item);
    expect(item).toEqual(before);
  });

  it('lets nothing through that the topic refuses, and throws nothing, whatever comes', () => {
    const base = fc.constantFrom<Record<string, unknown>>(metric, custom, log, alert);
    const field = fc.constantFrom(
      'event_id',
      'event_type',
      'bk_biz_id',
      'event_source',
      'timestamp',
      'raw_data',
      'events',
      'v',
      'constructor',
      'toString',
      'x',
    );
    const rawField = fc.constantFrom(
      'metric',
      'value',
      'dimensions',
      'event_name',
      'content',
      'level',
      'labels',
      'annotations',
      'startsAt',
      'endsAt',
      'timeout',
      'generatorURL',
      '__proto__',
      'y',
    );
    const number = fc.oneof(fc.double(), fc.integer({ min: 1e9, max: 4e9 }), fc.constantFrom(0, -0, NOW, NOW * 1e3, NOW * 1e6, 1e300));
    const value = fc.oneof(
      number,
      fc.jsonValue({ maxDepth: 3 }),
      fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 1 })),
      fc.constantFrom('NaN', '', null, '2023-11-14T22:13:20Z', undefined),
    );
    const change = fc.record({ top: fc.array(fc.tuple(field, value), { maxLength: 2 }), raw: fc.array(fc.tuple(rawField, value), { maxLength: 3 }) });
    let through = 0;
    fc.assert(
      fc.property(base, change, (item, { top, raw }) => {
        // As parsed from a body: `__proto__` as an own key, no undefined, no NaN.
        const body = JSON.stringify(
          { ...item, raw_data: { ...(item['raw_data'] as object), ...ownEntries(raw) }, ...ownEntries(top) },
          (_key, each: unknown) => (each === Infinity ? 1.5e308 : each),
        );
        const outcome = normalise(json(body), 0, request);
        if (outcome instanceof Rejection) return expect(outcome.code).toMatch(/^T1(005|006|10[1-5])$/);
        through++;
        const [alone] = consumed(outcome);
        expect(JSON.parse(JSON.stringify(alone))).toEqual(JSON.parse(JSON.stringify(outcome.event)));
      }),
      { numRuns: 5000 },
    );
    expect(through).toBeGreaterThan(500);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

function ownEntries(entries: [string, unknown][]): object {
  return Object.fromEntries(entries);
}
