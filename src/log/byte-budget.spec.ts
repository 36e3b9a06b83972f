import { ByteBudget } from './byte-budget.js';

describe('the budget of bytes', () => {
  it('admits immediately what fits, and an oversized request when nothing else is in flight', () => {
    const budget = new ByteBudget(100);
    expect(budget.take(250, 1000)).toBeUndefined();
    expect(budget.used).toBe(250);
    budget.give(250);
    expect(budget.take(60, 1000)).toBeUndefined();
    expect(budget.take(40, 1000)).toBeUndefined();
  });

  it('preserves the order of waiting requests regardless of their size', async () => {
    const budget = new ByteBudget(100);
    const entered: string[] = [];
    void budget.take(90, 1000);
    const large = budget.take(50, 60_000)!.then(() => entered.push('large'));
    const small = budget.take(5, 60_000)!.then(() => entered.push('small'));
    budget.give(90);
    await Promise.all([large, small]);
    expect(entered).toEqual(['large', 'small']);
    expect(budget.used).toBe(55);
  });

  it('sends away who has waited long enough, and lets in who stood behind', async () => {
    const budget = new ByteBudget(100);
    void budget.take(90, 1000);
    const large = budget.take(50, 20);
    const small = budget.take(5, 60_000);
    expect(await large).toBe(false);
    expect(await small).toBe(true);
    expect(budget.used).toBe(95);
  });

  it('sends everybody away when it closes', async () => {
    const budget = new ByteBudget(10);
    void budget.take(10, 1000);
    const waiting = budget.take(1, 60_000);
    budget.close();
    expect(await waiting).toBe(false);
  });
});
