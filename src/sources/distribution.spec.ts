import fc from 'fast-check';
import { distribute, type OwnedPartition, movement } from './distribution.js';

const held = (owners: readonly (string | undefined)[], topic = 't'): OwnedPartition[] =>
  owners.map((owner, partition) => ({ topic, partition, owner }));
const text = (given: ReadonlyMap<string, readonly { topic: string; partition: number }[]>) =>
  Object.fromEntries([...given].map(([replica, own]) => [replica, own.map(({ partition }) => partition).sort((a, b) => a - b)]));

describe('partitions over replicas', () => {
  it('gives everything to the only one', () => {
    expect(text(distribute(held([undefined, 'gone', 'a']), ['a']))).toEqual({ a: [0, 1, 2] });
  });

  it('takes from those that have too many only what a newcomer needs', () => {
    expect(text(distribute(held(['a', 'a', 'a', 'a']), ['a', 'b']))).toEqual({ a: [0, 1], b: [2, 3] });
  });

  it('gives what a dead replica had to the others, and moves nothing else', () => {
    expect(text(distribute(held(['a', 'b', 'c', 'a', 'b', 'c']), ['a', 'c']))).toEqual({ a: [0, 1, 3], c: [2, 4, 5] });
  });

  it('assigns nothing without live replicas', () => {
    expect(distribute(held(['a']), []).size).toBe(0);
  });

  it('is complete, even, settled, and moves no more than it must', () => {
    const replicas = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1 });
    const owners = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'dead', undefined), { maxLength: 30 });
    fc.assert(
      fc.property(replicas, owners, (living, owned) => {
        const before = held(owned);
        const given = distribute(before, living);
        const after = [...given].flatMap(([owner, own]) => own.map((each) => ({ ...each, owner })));
        expect(after.map(({ partition }) => partition).sort((a, b) => a - b)).toEqual(before.map(({ partition }) => partition));
        const sizes = [...given.values()].map((own) => own.length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        expect(text(distribute(after, living))).toEqual(text(given));
        // The minimum that must move: partitions without a live owner, and those beyond a replica's share.
        const moved = after.filter(({ partition, owner }) => owned[partition] !== owner).length;
        const shares = [...given].map(([replica, own]) => Math.min(own.length, owned.filter((owner) => owner === replica).length));
        expect(moved).toBe(before.length - shares.reduce((sum, each) => sum + each, 0));
      }),
    );
  });

  it('says what to take and what to leave', () => {
    const [zero, one, two] = held([undefined, undefined, undefined]);
    expect(movement([zero!, one!], [one!, two!])).toEqual({ taken: [two], left: [zero] });
  });
});
