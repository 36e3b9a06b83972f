import { parseTarget } from './position.js';
import { rangeOf } from './range.js';

const T = Date.UTC(2026, 0, 15, 12);
const bounds = { partition: 3, low: 100, high: 200, oldest: T };
const range = (from: string, to: string, more = {}) => rangeOf(parseTarget(from), parseTarget(to), { ...bounds, ...more });

describe('a closed range', () => {
  it('includes both ends', () => {
    expect(range('offset:120', 'offset:130')).toEqual({ partition: 3, from: 120, end: 131, cut: false });
    expect(range('earliest', 'latest')).toEqual({ partition: 3, from: 100, end: 200, cut: false });
    expect(range('tail:10', 'latest')).toEqual({ partition: 3, from: 190, end: 200, cut: false });
  });

  it('is refused below the beginning, which the message names', () => {
    expect(range('offset:99', 'offset:130')).toEqual({ refused: 'partition 3 begins at offset 100, 2026-01-15T12:00:00.000Z' });
    expect(range(`timestamp:${T - 1}`, 'latest', { fromAt: 100 })).toEqual({ refused: 'partition 3 begins at offset 100, 2026-01-15T12:00:00.000Z' });
  });

  it('may begin before the first record of a log from which nothing was ever deleted', () => {
    expect(range(`timestamp:${T - 1}`, 'latest', { low: 0, fromAt: 0 })).toEqual({ partition: 3, from: 0, end: 200, cut: false });
  });

  it('is truncated at the end of the log, which is reported', () => {
    expect(range('offset:120', 'offset:500')).toEqual({ partition: 3, from: 120, end: 200, cut: true });
  });

  it('is empty where nothing happened in its time', () => {
    expect(range(`timestamp:${T + 5}`, `timestamp:${T + 6}`, { fromAt: 150, afterTo: 150 })).toEqual({
      partition: 3,
      from: 150,
      end: 150,
      cut: false,
    });
  });

  it.each([
    ['offset:130', 'offset:120', 'partition 3: start 130 is after end 120'],
    ['offset:300', 'latest', 'partition 3: start 300 is after end 199'],
    ['shift:-1', 'latest', 'shift is not allowed in a range'],
  ])('is refused from %s to %s', (from, to, refused) => {
    expect(range(from, to)).toEqual({ refused });
  });
});
