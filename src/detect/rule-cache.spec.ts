import { aStrategy } from '../../test/support/builders.js';
import { databases, type TestDatabase } from '../../test/support/database.js';
import { RuleCache } from './rule-cache.service.js';
import type { StrategyBody } from './strategy.js';
import { StrategyRepository } from './strategy.repository.js';

/** Counts the strategies that are read for rule sets. */
class CountedStrategies extends StrategyRepository {
  read = 0;

  override async *rulesSince(since: number, version: number): ReturnType<StrategyRepository['rulesSince']> {
    for await (const changes of super.rulesSince(since, version)) {
      this.read += changes.length;
      yield changes;
    }
  }
}

function bodyOf(name: string, metric = 'cpu'): StrategyBody {
  const { id: _id, version: _version, ...body } = aStrategy({ name, query: { metric } });
  return body;
}

const STRATEGIES = 450;

describe.each(databases)('the rule sets of a process on %s', (_name, open) => {
  let opened: TestDatabase;
  let strategies: CountedStrategies;
  let rules: RuleCache;

  beforeAll(async () => {
    opened = await open();
    strategies = new CountedStrategies(opened.database);
    await opened.database.transaction(async () => {
      for (let index = 0; index < STRATEGIES; index++) await strategies.create(bodyOf(`strategy ${index}`, `m${index}`), 'test', 1);
    });
  });

  beforeEach(() => {
    strategies.read = 0;
    rules = new RuleCache(strategies);
  });

  afterAll(() => opened.close());

  it('read every strategy once, however many partitions need them', async () => {
    const sets = await Promise.all(Array.from({ length: 12 }, () => rules.at(STRATEGIES)));
    expect(new Set(sets).size).toBe(1);
    expect(sets[0]!.sizes).toEqual({ strategies: STRATEGIES, compiled: 0 });
    expect(strategies.read).toBe(STRATEGIES);
  });

  it('read only the changed strategy after an edit, and keep the compiled rules of the others', async () => {
    const version = await strategies.rulesVersion();
    const before = await rules.at(version);
    const [kept, edited] = [before.find('2', 'metric', 'm1')![0]!.entry, before.find('2', 'metric', 'm2')![0]!.entry];
    const rule = kept.rule;
    strategies.read = 0;
    await strategies.change(edited.id, bodyOf('strategy 2', 'other'), 'test', 2);
    const [after, ...others] = await Promise.all(Array.from({ length: 12 }, () => rules.at(version + 1)));
    expect(strategies.read).toBe(1);
    expect(others.every((each) => each === after)).toBe(true);
    expect(after!.entry(kept.id)!.rule).toBe(rule);
    expect([after!.find('2', 'metric', 'm2'), after!.entry(edited.id)?.version]).toEqual([undefined, 2]);
  });

  it('read the latest version of each changed strategy when versions were skipped', async () => {
    const version = await strategies.rulesVersion();
    const before = await rules.at(version);
    const [twice, deleted] = [before.find('2', 'metric', 'm5')![0]!.entry.id, before.find('2', 'metric', 'm6')![0]!.entry.id];
    strategies.read = 0;
    await strategies.change(twice, bodyOf('strategy 5', 'first'), 'test', 2);
    await strategies.change(twice, bodyOf('strategy 5', 'second'), 'test', 2);
    await strategies.change(deleted, null, 'test', 2);
    const after = await rules.at(version + 3);
    expect(strategies.read).toBe(2);
    expect([after.entry(twice)?.version, after.entry(deleted)]).toEqual([3, undefined]);
    expect([after.find('2', 'metric', 'first'), after.find('2', 'metric', 'second')?.length]).toEqual([undefined, 1]);
  });

  it('go back to an older version, with the entries that are the same', async () => {
    const latest = await rules.at(await strategies.rulesVersion());
    const first = await rules.at(STRATEGIES);
    const same = Array.from({ length: STRATEGIES }, (_, index) => index + 1).filter((id) => first.entry(id) === latest.entry(id));
    expect(first.version).toBe(STRATEGIES);
    expect(same).toHaveLength(STRATEGIES - 3);
    expect(first.sizes.strategies).toBe(STRATEGIES);
  });

  it('are loaded outside the transactions of their partitions, which may wait for each other', async () => {
    const version = await strategies.rulesVersion();
    const versions = await Promise.all([version, version - 1].map((each) => opened.database.transaction(() => rules.at(each))));
    expect(versions.map((each) => each.version)).toEqual([version, version - 1]);
    expect(await opened.database.transaction(async () => (await rules.at(version - 2), opened.database.begun))).toBe(false);
  });

  it('try again after a failure', async () => {
    const broken = Object.assign(new RuleCache(strategies));
    const real = strategies.rulesSince.bind(strategies);
    strategies.rulesSince = () => {
      throw new Error('the server is gone');
    };
    await expect(broken.at(STRATEGIES)).rejects.toThrow('the server is gone');
    strategies.rulesSince = real;
    expect((await broken.at(STRATEGIES)).version).toBe(STRATEGIES);
  });
});
