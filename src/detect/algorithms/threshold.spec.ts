import type { z } from 'zod';
import { threshold } from './threshold.js';

type Config = z.output<typeof threshold.schema>;
type Limit = Config[number][number];

const limit = (method: Limit['method'], value: number): Limit => ({ method, threshold: value });
const findingOf = (config: Config, value: number) => threshold.compile(config, 60_000).judge({ value, time: 0, past: [] });
const isAnomalous = (config: Config, value: number): boolean => findingOf(config, value) !== undefined;
const band = [[limit('gt', 10), limit('lt', 20)], [limit('gt', 100)]];

const cases: [limit: Limit, value: number, expected: boolean][] = [
  [limit('gt', 50), 50, false],
  [limit('gt', 50), 50.1, true],
  [limit('gt', 50), 6, false],
  [limit('gte', 50), 50, true],
  [limit('gte', 50), 49.9, false],
  [limit('lt', 50), 50, false],
  [limit('lt', 50), -1, true],
  [limit('lte', 50), 6, true],
  [limit('lte', 50), 50, true],
  [limit('lte', 50), 51, false],
  [limit('eq', 0), -0, true],
  [limit('eq', 50), 99, false],
  [limit('neq', 50), 99, true],
  [limit('neq', 50), 50, false],
];

describe('a threshold', () => {
  it.each(cases)('%j judges %d as %s', (each, value, expected) => {
    expect(isAnomalous([[each]], value)).toBe(expected);
  });

  it.each(['gt', 'gte', 'lt', 'lte', 'eq', 'neq'] as const)('with %s never matches NaN', (method) => {
    expect(isAnomalous([[limit(method, 1)]], NaN)).toBe(false);
  });

  it.each([
    [10, false],
    [15, true],
    [20, false],
    [100, false],
    [101, true],
  ])('wants all of one group, so that %d is %s', (value, expected) => {
    expect(isAnomalous(band, value)).toBe(expected);
  });

  it('finds the first group that holds', () => {
    expect(findingOf(band, 15)?.text('avg(cpu)')).toBe('avg(cpu) > 10 and avg(cpu) < 20');
    expect(findingOf(band, 101)?.text('avg(cpu)')).toBe('avg(cpu) > 100');
    expect(findingOf(band, 101)?.reason).toBe('threshold');
  });

  it('needs no past points, and judges without allocating a finding', () => {
    const { lookback, judge } = threshold.compile(band, 60_000);
    expect(lookback).toEqual([]);
    expect(judge({ value: 15, time: 0, past: [] })).toBe(judge({ value: 16, time: 0, past: [] }));
  });
});
