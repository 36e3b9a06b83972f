import { reconnectBackoff } from './reconnect-backoff.js';

const waits = (check: number, random: number): number[] => Array.from({ length: 14 }, (_, index) => reconnectBackoff(index + 1, random, check));

describe('the wait before the next try to connect', () => {
  it('is short three times, then doubles up to the regular check', () => {
    expect(waits(60_000, 1)).toEqual([200, 400, 800, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000, 60_000]);
  });

  it('is spread, so that many clients do not come back at the same moment', () => {
    waits(60_000, 0).forEach((wait, index) => expect(wait).toBe(waits(60_000, 1)[index]! / 2));
  });

  it('never exceeds the regular check', () => {
    expect(Math.max(...waits(300, 1))).toBe(300);
  });
});
