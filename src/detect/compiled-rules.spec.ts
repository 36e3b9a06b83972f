import { aStrategy } from '../../test/support/builders.js';
import { compiledRules } from '../../test/support/compiled-rules.js';
import { CompiledRules, type RuleChange } from './compiled-rules.js';
import type { Strategy } from './strategy.js';

const changeTo = ({ id, version, ...body }: Strategy): RuleChange => ({ id, version, body: JSON.stringify(body) });
const idsOf = (rules: CompiledRules, ...[business, type, name]: Parameters<CompiledRules['find']>) =>
  rules.find(business, type, name)?.map(({ entry }) => entry.id);

function next(rules: CompiledRules, changes: readonly RuleChange[], donor?: CompiledRules): CompiledRules {
  const edit = rules.edit(donor);
  for (const change of changes) edit.apply(change);
  return edit.finish(rules.version + 1);
}

describe('a rule set', () => {
  const rules = compiledRules({
    version: 1,
    strategies: [
      aStrategy({ id: 300, bk_biz_id: '2', query: { metric: 'cpu' } }),
      aStrategy({ id: 1, bk_biz_id: '2', query: { metric: 'cpu' } }),
      aStrategy({ id: 2, bk_biz_id: '3', query: { metric: 'cpu' } }),
      aStrategy({ id: 3, bk_biz_id: '2', query: { metric: 'cpu' }, is_enabled: false }),
    ],
  });

  it('finds the enabled strategies of a business, type and name in order of id', () => {
    expect(idsOf(rules, '2', 'metric', 'cpu')).toEqual([1, 300]);
    expect(idsOf(rules, '3', 'metric', 'cpu')).toEqual([2]);
  });

  it.each([
    ['4', 'metric', 'cpu'],
    ['2', 'event', 'cpu'],
    ['2', 'metric', 'constructor'],
  ] as const)('finds nothing for %s %s %s', (business, type, name) => {
    expect(rules.find(business, type, name)).toBeUndefined();
  });

  it('has disabled strategies by id, and none that does not exist', () => {
    expect([rules.entry(3)?.strategy.is_enabled, rules.entry(4), rules.entry(1 << 20)]).toEqual([false, undefined, undefined]);
  });

  it('compiles a strategy once, when its rule is needed', () => {
    const own = compiledRules({ version: 1, strategies: [aStrategy({ id: 1 }), aStrategy({ id: 2 })] });
    expect(own.sizes).toEqual({ strategies: 2, compiled: 0 });
    expect(own.entry(1)!.rule).toBe(own.entry(1)!.rule);
    expect(own.sizes).toEqual({ strategies: 2, compiled: 1 });
    expect(own.entry(1)!.strategy).toEqual(aStrategy({ id: 1 }));
  });
});

describe('the next version of a rule set', () => {
  const strategies = Array.from({ length: 1000 }, (_, index) => aStrategy({ id: index + 1, query: { metric: `m${index % 10}` } }));
  const first = compiledRules({ version: 1, strategies });

  it('shares the entries that did not change, and their compiled rules', () => {
    const { rule } = first.entry(7)!;
    const second = next(first, [changeTo(aStrategy({ id: 5, version: 2, query: { metric: 'm4' } }))]);
    const shared = strategies.filter(({ id }) => second.entry(id) === first.entry(id));
    expect(shared).toHaveLength(999);
    expect(second.entry(7)!.rule).toBe(rule);
    expect(second.entry(5)!.version).toBe(2);
    expect(second.find('2', 'metric', 'm6')).toBe(first.find('2', 'metric', 'm6'));
  });

  it('leaves the version before it as it was', () => {
    const before = idsOf(first, '2', 'metric', 'm4');
    next(first, [changeTo(aStrategy({ id: 5, version: 2, query: { metric: 'other' } })), { id: 15, version: 2, body: null }]);
    expect(idsOf(first, '2', 'metric', 'm4')).toEqual(before);
    expect([first.entry(5)!.version, first.entry(15)!.version]).toEqual([1, 1]);
  });

  it('follows renames, moves, deletions and switches', () => {
    const changed = next(first, [
      changeTo(aStrategy({ id: 4, version: 2, query: { metric: 'm4' } })),
      { id: 5, version: 2, body: null },
      changeTo(aStrategy({ id: 15, version: 2, query: { metric: 'm4' }, is_enabled: false })),
      changeTo(aStrategy({ id: 25, version: 2, bk_biz_id: '3', query: { metric: 'm4' } })),
    ]);
    expect(idsOf(changed, '2', 'metric', 'm4')?.slice(0, 3)).toEqual([4, 35, 45]);
    expect(idsOf(changed, '3', 'metric', 'm4')).toEqual([25]);
    expect(idsOf(changed, '2', 'metric', 'm3')?.[0]).toBe(14);
    expect(changed.entry(5)).toBeUndefined();
    expect(idsOf(next(changed, [changeTo(aStrategy({ id: 15, version: 3, query: { metric: 'm4' } }))]), '2', 'metric', 'm4')?.slice(0, 2)).toEqual([
      4, 15,
    ]);
  });

  it('takes the entries of a donor where the version is the same', () => {
    const rebuilt = next(CompiledRules.none, [changeTo(strategies[6]!), changeTo(aStrategy({ id: 8, version: 2 }))], first);
    expect(rebuilt.entry(7)).toBe(first.entry(7));
    expect(rebuilt.entry(8)).not.toBe(first.entry(8));
  });
});
