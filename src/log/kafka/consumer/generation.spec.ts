import { settlesWithin } from '../../../shared/wait.js';
import { Generation } from './generation.js';

const never = new Promise<void>(() => undefined);

describe('a generation of the group', () => {
  it('lets a running batch finish after its end', async () => {
    const generation = new Generation(1, 60_000);
    let finish!: () => void;
    const batch = generation.run(new Promise<void>((resolve) => (finish = resolve)));
    generation.end('rebalance');
    const settled = generation.settled();
    expect(await settlesWithin(20, settled)).toBe(false);
    finish();
    expect(await batch).toBe(true);
    await settled;
    expect(generation.isBusy).toBe(false);
  });

  it('abandons a batch that blocks the rebalance', async () => {
    const generation = new Generation(1, 20);
    const batch = generation.run(never);
    generation.end('rebalance');
    await generation.settled();
    expect(await batch).toBe(false);
  });

  it('keeps the first reason of its end, and rejects with the error of a batch', async () => {
    const generation = new Generation(1, 20);
    await expect(generation.run(Promise.reject(new Error('no')))).rejects.toThrow('no');
    generation.end('first');
    generation.end('second');
    expect(generation.endReason).toBe('first');
    await generation.settled();
  });
});
