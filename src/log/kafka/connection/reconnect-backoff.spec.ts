import { reconnectBackoff } from './reconnect-backoff.js';

const waits = (check: number, random: number): number[] => Array.from({ length: 14 }, (_, index) => reconnectBackoff(index + 1, random, check));

describe('the backoff before a reconnect', () => {
  it('is short for three retries, then doubles up to the maximum', () => {
    expect(waits(60_000, 1)).toEqual([200, 400, 800, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000, 60_000]);
  });

  it('is randomised, so that clients do not reconnect at the same moment', () => {
    waits(60_000, 0).forEach((wait, index) => expect(wait).toBe(waits(60_000, 1)[index]! / 2));
  });

  it('never exceeds the maximum', () => {
    expect(Math.max(...waits(300, 1))).toBe(300);
  });
});
