import { aMetric, anExternalAlert } from '../../test/support/builders.js';
import { encode } from './envelope.js';
import { admitItems, type AdmissionPolicy, withoutTooLarge } from './ingest-result.js';
import { Skipped, Rejection } from './rejection.js';

const NOW = Date.UTC(2026, 10, 20, 12);
const HOUR = 3_600_000;

const policy = (change: Partial<AdmissionPolicy> = {}): AdmissionPolicy => ({
  now: NOW,
  maxAge: 0,
  isShed: () => false,
  encode: (event) => encode(event, 'bk_biz_id', 1000),
  ...change,
});
const item = (timestamp = NOW, clamped = false) => ({ event: aMetric({ timestamp }), clamped });

describe('admitItems', () => {
  it('rejects an invalid item without affecting the others', () => {
    const large = { event: aMetric({ raw_data: { dimensions: { text: 'x'.repeat(1000) } } }), clamped: false };
    const { events, errors, dropped, clamped } = admitItems(
      [item(), new Rejection('T1101', 'no'), new Skipped('nan'), large, item(NOW, true)],
      policy(),
    );
    expect(events).toHaveLength(2);
    expect(errors).toEqual([
      { index: 1, code: 'T1101', message: 'no' },
      { index: 3, code: 'T1104', message: expect.stringMatching(/^\d+ bytes, at most 1000$/) },
    ]);
    expect(dropped).toEqual({ nan: 1 });
    expect(clamped).toBe(1);
  });

  it('drops items beyond the maximum age, and lists them', () => {
    const { events, errors, dropped } = admitItems([item(NOW - HOUR), item(NOW - HOUR - 1), item()], policy({ maxAge: HOUR }));
    expect(events).toHaveLength(2);
    expect(errors).toEqual([{ index: 1, code: 'T1015', message: 'age 3600001 ms, at most 3600000' }]);
    expect(dropped).toEqual({ expired: 1 });
  });

  it('takes an alert of any age, and anything of any age when there is no limit', () => {
    const old = { event: anExternalAlert({ timestamp: NOW - 100 * HOUR }), clamped: false };
    expect(admitItems([old], policy({ maxAge: HOUR })).events).toHaveLength(1);
    expect(admitItems([item(NOW - 10_000 * HOUR)], policy()).events).toHaveLength(1);
  });

  it('counts what a switch drops, without a line for each', () => {
    const { events, errors, dropped } = admitItems([item(), item()], policy({ isShed: () => true }));
    expect({ events, errors, dropped }).toEqual({ events: [], errors: [], dropped: { degraded: 2 } });
  });
});

describe('what the log refuses', () => {
  it('becomes an error of its item, in the order of the request, and nothing else changes', () => {
    const result = admitItems([item(), new Rejection('T1101', 'no'), item(), new Skipped('nan'), item(NOW, true), item()], policy());
    const { events, places, errors, dropped, clamped } = withoutTooLarge(result, [result.events[0]!, result.events[2]!]);
    expect([events, places]).toEqual([
      [result.events[1], result.events[3]],
      [2, 5],
    ]);
    expect(errors.map(({ index, code }) => [index, code])).toEqual([
      [0, 'T1104'],
      [1, 'T1101'],
      [4, 'T1104'],
    ]);
    expect({ dropped, clamped }).toEqual({ dropped: { nan: 1 }, clamped: 1 });
  });
});
