import fc from 'fast-check';
import { FUTURE_MS, parseRfc3339, readTime, eventTimestamp } from './time.js';

const NOW = Date.UTC(2026, 10, 20, 12, 0, 0);

describe('readTime', () => {
  it.each<[string, number | string, number | undefined]>([
    ['seconds', 1_700_000_000, 1_700_000_000_000],
    ['seconds with a fraction', 1_700_000_000.25, 1_700_000_000_250],
    ['milliseconds', 1_700_000_000_123, 1_700_000_000_123],
    ['milliseconds with a fraction', 1_700_000_000_123.9, 1_700_000_000_123],
    ['microseconds', 1_700_000_000_123_456, 1_700_000_000_123],
    ['nanoseconds', 1_700_000_000_123_456_768, 1_700_000_000_123],
    ['seconds as text', '1700000000', 1_700_000_000_000],
    ['nanoseconds as text', '1700000000123456789', 1_700_000_000_123],
    ['RFC 3339', '2023-11-14T22:13:20Z', 1_700_000_000_000],
    ['RFC 3339 with nanoseconds', '2023-11-14T22:13:20.123456789Z', 1_700_000_000_123],
    ['RFC 3339 with a zone', '2023-11-15T06:13:20+08:00', 1_700_000_000_000],
    ['RFC 3339 in small letters', '2023-11-14t22:13:20z', 1_700_000_000_000],
    ['a blank for the T and no zone', '2023-11-14 22:13:20', 1_700_000_000_000],
    ['zero', 0, undefined],
    ['one', 1, undefined],
    ['a negative number', -1_700_000_000, undefined],
    ['between seconds and milliseconds', 5e11, undefined],
    ['above nanoseconds', 1e21, undefined],
    ['infinity', Infinity, undefined],
    ['NaN', NaN, undefined],
    ['NaN as text', 'NaN', undefined],
    ['a word', 'yesterday', undefined],
    ['nothing', '', undefined],
    ['a date without time', '2023-11-14', undefined],
    ['a month that is none', '2023-13-14T22:13:20Z', undefined],
    ['an hour that is none', '2023-11-14T25:13:20Z', undefined],
    ['a year long ago', '1999-01-01T00:00:00Z', undefined],
  ])('reads %s', (_what, value, expected) => {
    expect(readTime(value)).toBe(expected);
  });

  it('finds the same millisecond whatever the unit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1e12, max: 4e12 }), (ms) => {
        expect(readTime(ms)).toBe(ms);
        expect(readTime(ms * 1000)).toBe(ms);
        expect(readTime(`${ms}000000`)).toBeCloseTo(ms, -1);
        expect(readTime(new Date(ms).toISOString())).toBe(ms);
        expect(readTime(Math.floor(ms / 1000))).toBe(Math.floor(ms / 1000) * 1000);
      }),
    );
  });

  it('gives whole milliseconds or undefined for any number', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        const time = readTime(value);
        expect(time === undefined || Number.isSafeInteger(time)).toBe(true);
      }),
    );
  });
});

describe('parseRfc3339', () => {
  it('reads years from 1 to 9999', () => {
    expect(parseRfc3339('0001-01-01T00:00:00.000Z')).toBe(-62_135_596_800_000);
    expect(parseRfc3339('9999-12-31T23:59:59Z')).toBe(253_402_300_799_000);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const time = parseRfc3339(text);
        expect(time === undefined || Number.isInteger(time)).toBe(true);
      }),
    );
  });
});

describe('settle', () => {
  it.each<[string, number, number | undefined]>([
    ['the past stays', NOW - 86_400_000, NOW - 86_400_000],
    ['a little ahead stays', NOW + FUTURE_MS, NOW + FUTURE_MS],
    ['further ahead becomes now', NOW + FUTURE_MS + 1, NOW],
    ['years ahead is absurd', NOW + 400 * 86_400_000, undefined],
    ['before 2001 is absurd', 999_999_999_999, undefined],
    ['NaN is absurd', NaN, undefined],
  ])('%s', (_what, time, expected) => {
    expect(eventTimestamp(time, NOW)).toBe(expected);
  });
});
