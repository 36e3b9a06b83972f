import fc from 'fast-check';
import { type GroupAssignment, type AssignableMember, range, roundRobin, sticky } from './assignment.js';

const strategies = [
  ['round robin', roundRobin],
  ['range', range],
  ['sticky', sticky],
] as const;

const names = ['a', 'b', 'c'];
const topics = fc
  .array(fc.tuple(fc.constantFrom(...names), fc.integer({ min: 0, max: 12 })), { maxLength: 3 })
  .map((sizes) => new Map(sizes.map(([topic, size]) => [topic, Array.from({ length: size }, (_, partition) => partition)])));
const claim = fc.record({ topic: fc.constantFrom(...names), partition: fc.nat(12) });
const member = (all: boolean): fc.Arbitrary<Omit<AssignableMember, 'id'>> =>
  fc.record({
    topics: all ? fc.constant(names) : fc.uniqueArray(fc.constantFrom(...names)),
    owned: fc.uniqueArray(claim, { maxLength: 12, selector: ({ topic, partition }) => `${topic}/${partition}` }),
    generation: fc.nat(3),
  });
const group = (all: boolean): fc.Arbitrary<AssignableMember[]> =>
  fc.array(member(all), { minLength: 1, maxLength: 7 }).map((members) => members.map((each, index) => ({ ...each, id: `m${index}` })));

const text = (assignment: GroupAssignment): Record<string, string[]> =>
  Object.fromEntries([...assignment].map(([id, list]) => [id, list.map(({ topic, partition }) => `${topic}${partition}`).sort()]));
const sizes = (assignment: GroupAssignment): number[] => [...assignment.values()].map(({ length }) => length);
const fresh = (id: string): AssignableMember => ({ id, topics: ['a'], owned: [], generation: 0 });
const owning = (id: string, generation: number, ...partitions: number[]): AssignableMember => ({
  ...fresh(id),
  generation,
  owned: partitions.map((partition) => ({ topic: 'a', partition })),
});
const numbers = (size: number): Map<string, number[]> => new Map([['a', Array.from({ length: size }, (_, partition) => partition)]]);

describe.each(strategies)('the assignment of partitions, %s', (_name, assign) => {
  it('assigns every subscribed partition to exactly one subscriber, and includes every member', () => {
    fc.assert(
      fc.property(group(false), topics, (members, partitions) => {
        const assignment = assign(members, partitions);
        expect([...assignment.keys()].sort()).toEqual(members.map(({ id }) => id).sort());
        const wanted = [...partitions].filter(([topic]) => members.some((each) => each.topics.includes(topic)));
        const expected = wanted.flatMap(([topic, all]) => all.map((partition) => `${topic}${partition}`));
        expect(Object.values(text(assignment)).flat().sort()).toEqual(expected.sort());
        for (const [id, list] of assignment) {
          const own = members.find((each) => each.id === id)!.topics;
          for (const { topic } of list) expect(own).toContain(topic);
        }
      }),
    );
  });

  it('does not depend on the order of members and topics', () => {
    fc.assert(
      fc.property(group(false), topics, (members, partitions) => {
        const turned = assign([...members].reverse(), new Map([...partitions].reverse()));
        expect(text(turned)).toEqual(text(assign(members, partitions)));
      }),
    );
  });
});

describe('the assignment of partitions', () => {
  it('is balanced to one partition, round robin and sticky over all topics, range over each', () => {
    fc.assert(
      fc.property(group(true), topics, (members, partitions) => {
        for (const assign of [roundRobin, sticky]) {
          const all = sizes(assign(members, partitions));
          expect(Math.max(...all) - Math.min(...all)).toBeLessThanOrEqual(1);
        }
        for (const topic of partitions.keys()) {
          const all = sizes(range(members, new Map([[topic, partitions.get(topic)!]])));
          expect(Math.max(...all) - Math.min(...all)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it('assigns consecutive partitions by range, and single ones by round robin', () => {
    const members = [fresh('x'), fresh('y')];
    expect(text(range(members, numbers(5)))).toEqual({ x: ['a0', 'a1', 'a2'], y: ['a3', 'a4'] });
    expect(text(roundRobin(members, numbers(5)))).toEqual({ x: ['a0', 'a2', 'a4'], y: ['a1', 'a3'] });
  });

  it('moves no more partitions than the balance requires, sticky', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 0, max: 6 }),
        fc.integer({ min: 0, max: 24 }),
        fc.nat(1000),
        (staying, coming, size, salt) => {
          // Any previous distribution among the staying members.
          const before = Array.from({ length: staying }, (): number[] => []);
          for (let partition = 0; partition < size; partition++) before[(partition * 31 + salt * (partition % 5)) % staying]!.push(partition);
          const members = [
            ...before.map((own, index) => owning(`s${index}`, 5, ...own)),
            ...Array.from({ length: coming }, (_, index) => fresh(`n${index}`)),
          ];
          const after = sticky(members, numbers(size));
          const kept = before.map((own, index) => own.filter((partition) => after.get(`s${index}`)!.some((at) => at.partition === partition)).length);
          // As many members as possible may own one partition more; they should be those with the most partitions.
          const low = Math.floor(size / members.length);
          const more = size % members.length;
          const possible = before
            .map(({ length }) => length)
            .sort((a, b) => b - a)
            .map((owned, index) => Math.min(owned, low + (index < more ? 1 : 0)));
          expect(kept.reduce((sum, each) => sum + each, 0)).toBe(possible.reduce((sum, each) => sum + each, 0));
        },
      ),
    );
  });

  it('changes nothing when nothing has changed, sticky', () => {
    fc.assert(
      fc.property(group(false), topics, (members, partitions) => {
        const once = sticky(members, partitions);
        const again = sticky(
          members.map((each) => ({ ...each, owned: once.get(each.id)!, generation: 9 })),
          partitions,
        );
        expect(text(again)).toEqual(text(once));
      }),
    );
  });

  it('does not rebalance partitions while a member has outdated topic metadata, sticky', () => {
    const late: AssignableMember = { ...owning('late', 4, 0, 1), topics: ['a'] };
    const early: AssignableMember = { ...owning('early', 4, 2, 3), topics: ['a', 'b'] };
    const all = new Map([...numbers(4), ['b', [0, 1]]]);
    expect(text(sticky([late, early], all))).toEqual({ late: ['a0', 'a1'], early: ['a2', 'a3', 'b0', 'b1'] });
    expect(
      text(
        sticky(
          [
            { ...late, topics: ['a', 'b'] },
            { ...early, owned: [...early.owned, ...[0, 1].map((partition) => ({ topic: 'b', partition }))] },
          ],
          all,
        ),
      ),
    ).toEqual({ late: ['a0', 'a1', 'b1'], early: ['a2', 'a3', 'b0'] });
  });

  it('ignores the partitions that a zombie member claims from an older generation, sticky', () => {
    const zombie = owning('a-zombie', 3, 0, 1, 2);
    expect(text(sticky([zombie, owning('owner', 4, 0, 1, 2)], numbers(3)))).toEqual({ 'a-zombie': ['a2'], owner: ['a0', 'a1'] });
    expect(text(sticky([zombie, owning('owner', 4, 0), owning('other', 4, 1)], numbers(3)))).toEqual({
      'a-zombie': ['a2'],
      owner: ['a0'],
      other: ['a1'],
    });
  });
});
