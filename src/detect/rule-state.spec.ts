import { aMetric, aStrategy, aTick, NOON } from '../../test/support/builders.js';
import { changeRules, compiledRules } from '../../test/support/compiled-rules.js';
import { minute } from '../../test/support/partition.js';
import type { AlertDraft } from './alert-draft.js';
import type { CompiledRules } from './compiled-rules.js';
import { PartitionFold } from './fold.js';
import { compileRule } from './rules.js';
import { joinOf } from './item-join.js';
import type { Strategy } from './strategy.js';

const STRATEGIES = 1000;
const options = { identifyBy: 'bk_biz_id' } as const;
const strategyOf = (id: number, version = 1): Strategy =>
  aStrategy({ id, version, name: `strategy ${version}`, query: { metric: `m${id}` }, item: { lateness: 0 } });
const rulesOf = (): CompiledRules =>
  compiledRules({ version: 1, strategies: Array.from({ length: STRATEGIES }, (_, index) => strategyOf(index + 1)) });
const sample = (id: number, count: number, host = 'web-1') =>
  aMetric({ timestamp: minute(count), raw_data: { metric: `m${id}`, value: 100, dimensions: { host } } });
const ignore = (): void => undefined;

function take(steps: Iterable<void>): number {
  let count = 0;
  for (const _step of steps) count++;
  return count;
}

function foldOn(rules: CompiledRules): PartitionFold {
  const fold = new PartitionFold(options);
  take(fold.changeRules(rules, NOON, ignore));
  return fold;
}

describe('the state of rules', () => {
  it('exists for the rules that an event has matched, and those are compiled once for all partitions', () => {
    const rules = rulesOf();
    const folds = Array.from({ length: 12 }, () => foldOn(rules));
    for (const fold of folds) for (let id = 1; id <= 10; id++) for (const count of [0, 1]) fold.apply(sample(id, count), ignore);
    expect(folds.map(({ sizes }) => [sizes.rules, sizes.series, sizes.openAlerts])).toEqual(Array.from({ length: 12 }, () => [10, 10, 10]));
    expect(rules.sizes).toEqual({ strategies: STRATEGIES, compiled: 10 });
  });

  it('is not created by an event that the conditions of the rule exclude', () => {
    const strategy = aStrategy({ query: { conditions: [{ key: 'host', method: 'eq', value: ['db-1'] }] } });
    const fold = foldOn(compiledRules({ version: 1, strategies: [strategy] }));
    fold.apply(aMetric({ timestamp: NOON }), ignore);
    expect([fold.sizes.rules, fold.counts.unmatched]).toEqual([0, 1]);
    fold.apply(aMetric({ timestamp: NOON, raw_data: { dimensions: { host: 'db-1' } } }), ignore);
    expect([fold.sizes.rules, fold.counts.observed]).toEqual([1, 1]);
  });

  it('begins with the rule set of the first event that matches, whatever was restored in between', () => {
    const names = (restoring: boolean): string[] => {
      let fold = foldOn(rulesOf());
      changeRules(fold, { version: 2, strategies: [strategyOf(1), strategyOf(2, 2)] }, NOON, ignore);
      if (restoring)
        fold = PartitionFold.restore(options, compiledRules({ version: 2, strategies: [strategyOf(1), strategyOf(2, 2)] }), fold.dirtyBlocks());
      fold.apply(sample(1, 0), ignore);
      return fold.dirtyBlocks().map(({ id }) => id);
    };
    expect(names(false)).toContain('judgement/1.2/0');
    expect(names(true)).toEqual(names(false));
  });
});

describe('a change of the rules', () => {
  it('takes a step only for rules that have state and changed', () => {
    const fold = foldOn(rulesOf());
    for (let id = 1; id <= 10; id++) fold.apply(sample(id, 0), ignore);
    const changed = Array.from({ length: STRATEGIES }, (_, index) => strategyOf(index + 1, index % 2 === 0 ? 2 : 1));
    const next = compiledRules({ version: 2, strategies: changed });
    expect(take(fold.changeRules(next, NOON, ignore))).toBe(5);
    expect(next.sizes.compiled).toBe(5);
  });

  it('ends many alerts in many steps, and is in force after the last', () => {
    const fold = foldOn(rulesOf());
    for (let series = 0; series < 1000; series++) for (const count of [0, 1]) fold.apply(sample(1, count, `host-${series}`), ignore);
    const drafts: AlertDraft[] = [];
    const most: number[] = [];
    const steps = fold.changeRules(compiledRules({ version: 2, strategies: [] }), NOON, (draft) => drafts.push(draft));
    for (let before = 0, step = steps.next(); !step.done; before = drafts.length, step = steps.next()) {
      most.push(drafts.length - before);
      expect(fold.rulesVersion).toBe(1);
    }
    expect([drafts.length, fold.rulesVersion, fold.sizes.rules]).toEqual([1000, 2, 0]);
    expect(Math.max(...most)).toBeLessThanOrEqual(64);
  });

  it('does nothing before its steps are taken', () => {
    const fold = foldOn(rulesOf());
    fold.changeRules(compiledRules({ version: 2, strategies: [] }), NOON, ignore);
    expect(() => fold.apply(aTick({ raw_data: { rules_version: 2 } }), ignore)).toThrow('rule set 2 is not in force yet');
  });
});

describe('the join of an item', () => {
  const { queries } = compileRule(strategyOf(1));

  it('with one query delivers each closed bucket as the value of its period', () => {
    expect([joinOf(queries)(0, 5, 28_000_000, 2.5), joinOf(queries)(0, 5, 28_000_001, 0)]).toEqual([2.5, 0]);
  });

  it('needs an expression for several queries', () => {
    expect(() => joinOf([...queries, ...queries])).toThrow('an item with 2 queries needs an expression');
  });
});
