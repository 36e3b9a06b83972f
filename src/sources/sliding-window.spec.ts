import fc from 'fast-check';
import { SlidingWindow } from './sliding-window.js';

describe('the sliding window', () => {
  it('moves to the end of what is done without a hole', () => {
    const window = new SlidingWindow(10);
    const [first, second, third] = [window.open(15), window.open(20), window.open(30)];
    second();
    expect([window.position, window.next, window.size]).toEqual([10, 30, 3]);
    first();
    expect([window.position, window.next, window.size]).toEqual([20, 30, 1]);
    third();
    expect([window.position, window.next, window.size]).toEqual([30, 30, 0]);
  });

  it('takes work twice done as done once', () => {
    const window = new SlidingWindow(0);
    const done = window.open(1);
    const other = window.open(2);
    done();
    done();
    expect(window.position).toBe(1);
    other();
    expect(window.position).toBe(2);
  });

  it('does not go back', () => {
    const window = new SlidingWindow(5);
    window.open(9);
    expect(() => window.open(8)).toThrow('cannot move back');
  });

  it('never passes anything that is not done, in whatever order work ends', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...Array(12).keys()]), (order) => {
        const window = new SlidingWindow(0);
        const ends = Array.from({ length: 12 }, (_, index) => window.open((index + 1) * 10));
        const done = new Set<number>();
        for (const index of order) {
          ends[index]!();
          done.add(index);
          const prefix = ends.findIndex((_, each) => !done.has(each));
          expect(window.position).toBe((prefix === -1 ? 12 : prefix) * 10);
        }
      }),
    );
  });
});
