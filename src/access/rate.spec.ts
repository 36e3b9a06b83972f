import fc from 'fast-check';
import { TokenBucket } from './rate.js';

describe('TokenBucket', () => {
  it('lets a burst in, then the rate', () => {
    const bucket = new TokenBucket({ events_per_second: 10, burst: 20 }, 0);
    expect([bucket.take(20, 0), bucket.take(1, 0), bucket.take(1, 99), bucket.take(1, 100)]).toEqual([0, 100, 1, 0]);
  });

  it('lets a request in that is larger than the bucket, and makes the next one wait for it', () => {
    const bucket = new TokenBucket({ events_per_second: 10 }, 0);
    expect(bucket.take(50, 0)).toBe(0);
    expect(bucket.take(1, 0)).toBe(4100);
    expect(bucket.take(1, 4100)).toBe(0);
  });

  it('does not fill when the clock is set back', () => {
    const bucket = new TokenBucket({ events_per_second: 10, burst: 10 }, 1000);
    bucket.take(10, 1000);
    expect(bucket.wait(1, 500)).toBe(100);
    expect(bucket.wait(1, 600)).toBe(0);
  });

  it('keeps the rate in the long run, and the wait that it names is enough', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 1, max: 500 }),
        fc.array(fc.nat(300), { minLength: 1, maxLength: 60 }),
        (rate, burst, asks) => {
          const bucket = new TokenBucket({ events_per_second: rate, burst }, 0);
          let now = 0;
          let taken = 0;
          for (const events of asks) {
            now += bucket.wait(events, now);
            expect(bucket.take(events, now)).toBe(0);
            // The burst and the elapsed time cover what was admitted before this request; rounding costs less than one event.
            expect(taken).toBeLessThanOrEqual(burst + (now * rate) / 1000 + 1);
            taken += events;
          }
        },
      ),
    );
  });
});
