import type { ThresholdConfig } from '../strategy.js';
import { threshold } from './threshold.js';

type Limit = ThresholdConfig[number][number];

const limit = (method: Limit['method'], value: number): Limit => ({ method, threshold: value });
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
    expect(threshold([[each]]).anomalous(value)).toBe(expected);
  });

  it.each(['gt', 'gte', 'lt', 'lte', 'eq', 'neq'] as const)('with %s never matches NaN', (method) => {
    expect(threshold([[limit(method, 1)]]).anomalous(NaN)).toBe(false);
  });

  it.each([
    [10, false],
    [15, true],
    [20, false],
    [100, false],
    [101, true],
  ])('wants all of one group, so that %d is %s', (value, expected) => {
    expect(threshold(band).anomalous(value)).toBe(expected);
  });

  it('explains itself by the first group that holds', () => {
    expect(threshold(band).explain('avg(cpu)', 15)).toBe('avg(cpu) > 10 and avg(cpu) < 20');
    expect(threshold(band).explain('avg(cpu)', 101)).toBe('avg(cpu) > 100');
    expect(threshold(band).explain('avg(cpu)', 20)).toBeUndefined();
  });
});
