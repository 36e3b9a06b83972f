import { PoisonLimit } from './poison-limit.js';

const limit = () => new PoisonLimit({ window: 10, percent: 50, run: 4 });
const good = (count: number) => new Array<boolean>(count).fill(false);
const poison = (count: number) => new Array<boolean>(count).fill(true);

describe('the poison limit', () => {
  it('never halts because of isolated poison records', () => {
    const mixed = limit();
    for (let batch = 0; batch < 100; batch++) expect(mixed.note([true, false, false, false])).toBeUndefined();
  });

  it('says when too many in a row are bad, over the borders of batches, and in the middle of one', () => {
    const runs = limit();
    expect(runs.note([...good(5), ...poison(3)])).toBeUndefined();
    expect(runs.note(poison(1))).toBe('4 consecutive poison records');
    expect(limit().note([...poison(5), ...good(3)])).toBe('5 consecutive poison records');
  });

  it('says when more than the share of the window is bad, not before the window is full', () => {
    const shares = limit();
    expect(shares.note([true, true, true, false, true, true, true, false])).toBeUndefined();
    expect(shares.note([false, true])).toBe('7 of the last 10 records are poison');
    expect(limit().note([true, false, true, false, true, false, true, false, true, false])).toBeUndefined();
  });
});
