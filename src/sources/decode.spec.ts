import type { LogRecord } from '../log/event-log.js';
import { encode } from '../access/envelope.js';
import { decodeRecord, idPrefix, type Reading } from './decode.js';

const NOON = Date.UTC(2026, 0, 15, 12);
const source: Reading = { name: 'a', format: 'tocsin', business: '7' };
const at = { topic: 't', partition: 3 };
const limits = { maxRecordBytes: 10_000, maxEvents: 10 };
const policy = {
  now: NOON + 60_000,
  maxAge: 0,
  isShed: () => false,
  encode: (event: Parameters<typeof encode>[0]) => encode(event, 'bk_biz_id', 5000),
};
const metric = { event_type: 'metric', event_source: 'x', raw_data: { metric: 'm', value: 1, dimensions: {} } };

const aRecord = (value: unknown, more: Partial<LogRecord> = {}): LogRecord => ({
  offset: 42,
  timestamp: NOON,
  key: null,
  value: value === null ? null : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
  headers: {},
  ...more,
});
const decoded = (record: LogRecord, of = source) => decodeRecord(record, idPrefix(of.name, at), of, limits, policy);
const events = (record: LogRecord, of = source) =>
  decoded(record, of).result.events.map(({ json }) => JSON.parse(json) as { event_id: string; timestamp: number; bk_biz_id: string });

describe('a record of a source', () => {
  it('becomes events of the business of the source, at the time of the record unless they have one', () => {
    expect(events(aRecord([metric, { ...metric, bk_biz_id: '8', timestamp: NOON - 5000 }]))).toMatchObject([
      { bk_biz_id: '7', timestamp: NOON },
      { bk_biz_id: '8', timestamp: NOON - 5000 },
    ]);
  });

  it('makes the same ids whenever it is read, and others at another place, time or source', () => {
    const ids = (record: LogRecord, of = source) => events(record, of).map(({ event_id: id }) => id);
    const twice = [ids(aRecord([metric, metric])), ids(aRecord([metric, metric]))];
    expect(twice[0]).toEqual(twice[1]);
    const all = [
      ...twice[0]!,
      ...ids(aRecord(metric, { offset: 43 })),
      ...ids(aRecord(metric, { timestamp: NOON + 1 })),
      ...ids(aRecord(metric), { ...source, name: 'b' }),
    ];
    expect(new Set(all).size).toBe(5);
    expect(ids(aRecord({ ...metric, event_id: 'mine' }))).toEqual(['mine']);
  });

  it.each<[string, LogRecord, string]>([
    ['a tombstone', aRecord(null), 'T6005'],
    ['too large', aRecord('x'.repeat(10_001)), 'T6004'],
    ['no JSON', aRecord('{"a":'), 'T1001'],
    ['no UTF-8', { ...aRecord(''), value: Buffer.from([0x22, 0xff, 0x22]) }, 'T1002'],
    ['no event', aRecord({ event_type: 'metric' }), 'T1101'],
    [
      'an attack on a prototype',
      aRecord('{"event_type":"metric","event_source":"x","__proto__":{"a":1},"raw_data":{"metric":"m","value":1}}'),
      'T1006',
    ],
    ['an event that is too large', aRecord({ ...metric, raw_data: { metric: 'm', value: 1, dimensions: {}, note: 'y'.repeat(6000) } }), 'T1104'],
    ['more events than allowed', aRecord(Array.from({ length: 11 }, () => metric)), 'T1010'],
  ])('goes to the dead letters when it is %s', (_what, record, code) => {
    expect(decoded(record)).toMatchObject({ poison: { code, offset: 42 }, result: { events: [] } });
  });

  it('goes there too when a part of it is bad; the rest is taken', () => {
    const { result, poison } = decoded(aRecord([metric, { event_type: 'metric' }, metric]));
    expect(result.events).toHaveLength(2);
    expect(poison?.message).toContain('1 of 3 items, the first is 1');
  });

  it('produces no dead letter record for events that are dropped intentionally', () => {
    const dropping = { ...policy, isShed: () => true };
    expect(decodeRecord(aRecord(metric), 'p', source, limits, dropping)).toMatchObject({
      poison: undefined,
      result: { events: [], dropped: { degraded: 1 } },
    });
    expect(decodeRecord(aRecord({ ...metric, timestamp: NOON - 60_000 }), 'p', source, limits, { ...policy, maxAge: 1000 })).toMatchObject({
      poison: undefined,
      result: { events: [], dropped: { expired: 1 } },
    });
  });
});
