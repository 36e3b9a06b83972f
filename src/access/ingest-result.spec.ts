import { aMetric, anExternalAlert } from '../../test/support/builders.js';
import { encode } from './envelope.js';
import { sift, type Sieve, withoutTooLarge } from './ingest-result.js';
import { Omission, Rejection } from './rejection.js';

const NOW = Date.UTC(2026, 10, 20, 12);
const HOUR = 3_600_000;

const sieve = (change: Partial<Sieve> = {}): Sieve => ({
  now: NOW,
  maxAge: 0,
  sheds: () => false,
  encode: (event) => encode(event, 'bk_biz_id', 1000),
  ...change,
});
const item = (timestamp = NOW, clamped = false) => ({ event: aMetric({ timestamp }), clamped });

describe('sift', () => {
  it('rejects an invalid item without affecting the others', () => {
    const large = { event: aMetric({ raw_data: { dimensions: { text: 'x'.repeat(1000) } } }), clamped: false };
    const { events, errors, dropped, clamped } = sift([item(), new Rejection('T1101', 'no'), new Omission('nan'), large, item(NOW, true)], sieve());
    expect(events).toHaveLength(2);
    expect(errors).toEqual([
      { index: 1, code: 'T1101', message: 'no' },
      { index: 3, code: 'T1104', message: expect.stringMatching(/^\d+ bytes, at most 1000$/) },
    ]);
    expect(dropped).toEqual({ nan: 1 });
    expect(clamped).toBe(1);
  });

  it('drops items beyond the maximum age, and lists them', () => {
    const { events, errors, dropped } = sift([item(NOW - HOUR), item(NOW - HOUR - 1), item()], sieve({ maxAge: HOUR }));
    expect(events).toHaveLength(2);
    expect(errors).toEqual([{ index: 1, code: 'T1015', message: 'age 3600001 ms, at most 3600000' }]);
    expect(dropped).toEqual({ expired: 1 });
  });

  it('takes an alert of any age, and anything of any age when there is no limit', () => {
    const old = { event: anExternalAlert({ timestamp: NOW - 100 * HOUR }), clamped: false };
    expect(sift([old], sieve({ maxAge: HOUR })).events).toHaveLength(1);
    expect(sift([item(NOW - 10_000 * HOUR)], sieve()).events).toHaveLength(1);
  });

  it('counts what a switch drops, without a line for each', () => {
    const { events, errors, dropped } = sift([item(), item()], sieve({ sheds: () => true }));
    expect({ events, errors, dropped }).toEqual({ events: [], errors: [], dropped: { degraded: 2 } });
  });
});

describe('what the log refuses', () => {
  it('becomes an error of its item, in the order of the request, and nothing else changes', () => {
    const intake = sift([item(), new Rejection('T1101', 'no'), item(), new Omission('nan'), item(NOW, true), item()], sieve());
    const { events, places, errors, dropped, clamped } = withoutTooLarge(intake, [intake.events[0]!, intake.events[2]!]);
    expect([events, places]).toEqual([
      [intake.events[1], intake.events[3]],
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
