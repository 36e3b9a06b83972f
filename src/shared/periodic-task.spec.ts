import { eventually } from '../../test/support/eventually.js';
import { PeriodicTask, type PeriodicTaskOptions } from './periodic-task.js';

describe('PeriodicTask', () => {
  let task: PeriodicTask | undefined;
  const lines: string[] = [];
  const logger = { warn: (text: string) => void lines.push(`warn ${text}`), log: (text: string) => void lines.push(`log ${text}`) };
  const aTask = (options: Partial<PeriodicTaskOptions>): PeriodicTask =>
    (task = new PeriodicTask({ name: 'reading', everyMs: 60_000, run: () => undefined, logger, ...options }));
  beforeEach(() => void lines.splice(0));
  afterEach(() => task?.stop());

  it('runs at once, and again after the pause', async () => {
    let runs = 0;
    aTask({ everyMs: 5, run: () => void runs++ }).start();
    expect(runs).toBe(1);
    await eventually(() => runs >= 3, 'two more runs');
  });

  it('takes the pause that a run answers', async () => {
    let runs = 0;
    aTask({ run: () => (runs++ === 0 ? 5 : 60_000) }).start();
    await eventually(() => runs === 2, 'the second run');
  });

  it('runs again at once when it is woken during a run, and never twice at a time', async () => {
    let [runs, atOnce, most] = [0, 0, 0];
    const gate: (() => void)[] = [];
    const run = async (): Promise<void> => {
      runs++;
      most = Math.max(most, ++atOnce);
      await new Promise<void>((resolve) => gate.push(resolve));
      atOnce--;
    };
    aTask({ run }).start();
    task!.wake();
    task!.wake();
    expect(runs).toBe(1);
    gate.shift()!();
    await eventually(() => runs === 2, 'the run that was asked for');
    gate.shift()!();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([runs, most]).toEqual([2, 1]);
  });

  it('is not woken before it is started', () => {
    let runs = 0;
    aTask({ run: () => void runs++ }).wake();
    expect(runs).toBe(0);
  });

  it('logs the first of several failures, and when a run succeeds again', async () => {
    let runs = 0;
    const run = (): void => {
      if (runs++ < 3) throw new Error('the database is away');
    };
    aTask({ everyMs: 2, run }).start();
    await eventually(() => runs >= 5, 'runs after the failures');
    expect(lines).toEqual(['warn reading failed, retrying: the database is away', 'log reading works again']);
    expect(task!.isFailing).toBe(false);
  });

  it('logs another failure than the one before', async () => {
    let runs = 0;
    const run = (): void => {
      throw new Error(runs++ < 2 ? 'the database is away' : 'no such table');
    };
    aTask({ everyMs: 2, run }).start();
    await eventually(() => runs >= 4, 'runs with both failures');
    expect(lines).toEqual(['warn reading failed, retrying: the database is away', 'warn reading failed, retrying: no such table']);
  });

  it('begins after a pause when it is asked to', async () => {
    let runs = 0;
    aTask({ firstDelayMs: 5, run: () => void runs++ }).start();
    expect(runs).toBe(0);
    await eventually(() => runs === 1, 'the first run');
  });

  it('waits longer with each failure when it has a retry policy', async () => {
    const at: number[] = [];
    const run = (): void => {
      at.push(performance.now());
      throw new Error('no');
    };
    aTask({ everyMs: 1, run, retry: { firstMs: 20, mostMs: 1000 }, random: () => 0 }).start();
    await eventually(() => at.length === 4, 'four runs');
    const [first = 0, second = 0, third = 0, fourth = 0] = at;
    expect([second - first >= 9, third - second >= 19, fourth - third >= 39]).toEqual([true, true, true]);
  });

  it('has ended its run when stop resolves, and runs no more', async () => {
    let [runs, ended] = [0, 0];
    const run = async (): Promise<void> => {
      runs++;
      await new Promise((resolve) => setTimeout(resolve, 10));
      ended++;
    };
    aTask({ everyMs: 1, run }).start();
    await task!.stop();
    expect([runs, ended]).toEqual([1, 1]);
    task!.wake();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(runs).toBe(1);
  });
});
