import fc from 'fast-check';
import { type Commit, CommitSequence } from './commit-sequence.js';

const at = (partition: number) => ({ topic: 't', partition });

describe('the sequence of commits', () => {
  it('does not retry a failed commit while a newer one is in flight', () => {
    const sequence = new CommitSequence();
    sequence.note(at(0), 10);
    const older = sequence.take();
    sequence.note(at(0), 20);
    const newer = sequence.take();
    expect(sequence.failed(older)).toBe(0);
    expect(sequence.take()).toEqual([]);
    expect(sequence.failed(newer)).toBe(1);
    expect(sequence.take()).toMatchObject([{ next: 20 }]);
  });

  it('commits the newest offset, also when it is lower, as after a reset', () => {
    const sequence = new CommitSequence();
    sequence.note(at(0), 100);
    const older = sequence.take();
    sequence.note(at(0), 5);
    sequence.failed(older);
    expect(sequence.take()).toMatchObject([{ next: 5 }]);
  });

  it('says nothing of a partition that is gone', () => {
    const sequence = new CommitSequence();
    sequence.note(at(0), 10);
    sequence.note(at(1), 10);
    const sent = sequence.take();
    sequence.note(at(0), 11);
    sequence.forget(at(0));
    sequence.failed(sent);
    expect(sequence.take()).toMatchObject([{ partition: 1, next: 10 }]);
  });

  it('never sends an older commit after a newer one, and ends with the newest, in whatever order answers come', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('note' as const), partition: fc.nat(2) }),
      fc.record({ do: fc.constant('send' as const) }),
      fc.record({ do: fc.constantFrom('succeed' as const, 'fail' as const), which: fc.nat(5) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const sequence = new CommitSequence();
        const sent = new Map<number, number>();
        const noted = new Map<number, number>();
        const told = new Map<number, number>();
        let next = 0;
        let flying: (readonly Commit[])[] = [];
        const send = (): void => {
          const commits = sequence.take();
          for (const commit of commits) {
            expect(commit.sequence).toBeGreaterThanOrEqual(sent.get(commit.partition) ?? 0);
            sent.set(commit.partition, commit.sequence);
          }
          if (commits.length > 0) flying.push(commits);
        };
        const answer = (which: number, works: boolean): void => {
          const commits = flying[which % Math.max(1, flying.length)];
          if (!commits) return;
          flying = flying.filter((each) => each !== commits);
          if (!works) sequence.failed(commits);
          else for (const commit of commits) told.set(commit.partition, Math.max(commit.next, told.get(commit.partition) ?? 0));
        };
        for (const each of steps) {
          if (each.do === 'note') {
            noted.set(each.partition, ++next);
            sequence.note(at(each.partition), next);
          } else if (each.do === 'send') send();
          else answer(each.which, each.do === 'succeed');
        }
        while (flying.length > 0) answer(0, false);
        send();
        while (flying.length > 0) answer(0, true);
        expect(told).toEqual(noted);
      }),
    );
  });
});
