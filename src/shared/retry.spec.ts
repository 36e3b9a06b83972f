import fc from 'fast-check';
import { retryAfter, retryDelay } from './retry.js';

const policy = { firstMs: 1000, mostMs: 60_000 };

describe('the wait before the next try', () => {
  it.each([
    [1, 0, 500],
    [1, 0.5, 750],
    [2, 0, 1000],
    [4, 0, 4000],
    [7, 0, 30_000],
    [1_000_000, 0, 30_000],
  ])('after try %i, with luck %d, is %i ms', (attempt, random, wait) => {
    expect(retryDelay(attempt, policy, random)).toBe(wait);
  });

  it('is never shorter than Retry-After, up to a limit', () => {
    expect(retryDelay(1, policy, 0, 20_000)).toBe(20_000);
    expect(retryDelay(7, policy, 0, 20_000)).toBe(30_000);
    expect(retryDelay(1, policy, 0, 1e12)).toBe(3_600_000);
  });

  it('is between half of the ceiling and all of it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, random) => {
        const ceiling = Math.min(60_000, 1000 * 2 ** (attempt - 1));
        const wait = retryDelay(attempt, policy, random);
        expect(wait).toBeGreaterThanOrEqual(Math.floor(ceiling / 2));
        expect(wait).toBeLessThanOrEqual(ceiling);
      }),
    );
  });
});

describe('a Retry-After header', () => {
  const now = Date.UTC(2026, 0, 15, 12);
  it.each([
    ['120', 120_000],
    [' 0 ', 0],
    ['Thu, 15 Jan 2026 12:00:30 GMT', 30_000],
    ['Thu, 15 Jan 2026 11:00:00 GMT', 0],
    ['soon', undefined],
    ['', undefined],
  ])('%j', (header, wait) => {
    expect(retryAfter(header, now)).toBe(wait);
  });
});
