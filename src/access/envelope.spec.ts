import fc from 'fast-check';
import { topics, type RawEvent } from '../topics.js';
import { ENVELOPE_BYTES, ENVELOPE_EVENTS, encode, pack, type EncodedEvent } from './envelope.js';
import { Rejection } from './rejection.js';

const event = (content: string, business = '2'): RawEvent => ({
  event_id: 'id',
  event_type: 'log',
  bk_biz_id: business,
  event_source: 'nginx',
  timestamp: 1_700_000_000_000,
  raw_data: { content, dimensions: {} },
});

function encoded(content: string, business?: string): EncodedEvent {
  const result = encode(event(content, business), 'bk_biz_id', 1e9);
  if (result instanceof Rejection) throw new Error(result.message);
  return result;
}

describe('encode', () => {
  it('takes the key from the business or from the source', () => {
    expect(encode(event('x'), 'bk_biz_id', 1e9)).toMatchObject({ key: '2' });
    expect(encode(event('x'), 'event_source', 1e9)).toMatchObject({ key: 'nginx' });
  });

  it('refuses an event by its bytes, not by its characters', () => {
    const { bytes } = encoded('空空空');
    expect(encode(event('空空空'), 'bk_biz_id', bytes)).toMatchObject({ bytes });
    expect(encode(event('空空空'), 'bk_biz_id', bytes - 1)).toMatchObject({ code: 'T1104' });
  });
});

describe('pack', () => {
  it('leaves a single event as it is', () => {
    const one = encoded('x');
    expect(pack([one], 3)).toEqual([{ key: '2', value: one.json, partition: 3, members: [one] }]);
  });

  it('makes nothing of nothing', () => {
    expect(pack([], 0)).toEqual([]);
  });

  it('gives the record the key of its first event', () => {
    expect(pack([encoded('x', '7'), encoded('y', '8')], 0)).toMatchObject([{ key: '7' }]);
  });

  it('keeps every event in order, within the limits of a record', () => {
    const sizes = fc.array(
      fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0, max: 900 }) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 300_000 }) }),
      {
        maxLength: 600,
        size: 'max',
      },
    );
    fc.assert(
      fc.property(sizes, (lengths) => {
        const contents = lengths.map((length, index) => `${index}:`.padEnd(length, index % 2 ? 'x' : 'é'));
        const records = pack(
          contents.map((content) => encoded(content)),
          1,
        );
        const out = records.flatMap(({ value }) => {
          const record = topics.rawEvents.parse(JSON.parse(String(value))) as { events?: RawEvent[] } & RawEvent;
          if (!record.events) return [record];
          expect(record.events.length).toBeLessThanOrEqual(ENVELOPE_EVENTS);
          expect(Buffer.byteLength(value)).toBeLessThanOrEqual(ENVELOPE_BYTES);
          return record.events;
        });
        expect(out.map(({ raw_data }) => (raw_data as { content: string }).content)).toEqual(contents);
      }),
      { numRuns: 30 },
    );
  });
});
