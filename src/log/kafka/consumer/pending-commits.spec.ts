import fc from 'fast-check';
import { type OffsetCommit, PendingCommits } from './pending-commits.js';

const at = (partition: number) => ({ topic: 't', partition });

describe('pending commits', () => {
  it('does not retry a failed commit while a newer one is in flight', () => {
    const pending = new PendingCommits();
    pending.add(at(0), 10);
    const older = pending.take();
    pending.add(at(0), 20);
    const newer = pending.take();
    expect(pending.requeue(older)).toBe(0);
    expect(pending.take()).toEqual([]);
    expect(pending.requeue(newer)).toBe(1);
    expect(pending.take()).toMatchObject([{ next: 20 }]);
  });

  it('commits the newest offset, also when it is lower, as after a reset', () => {
    const pending = new PendingCommits();
    pending.add(at(0), 100);
    const older = pending.take();
    pending.add(at(0), 5);
    pending.requeue(older);
    expect(pending.take()).toMatchObject([{ next: 5 }]);
  });

  it('drops the commits of a revoked partition', () => {
    const pending = new PendingCommits();
    pending.add(at(0), 10);
    pending.add(at(1), 10);
    const sent = pending.take();
    pending.add(at(0), 11);
    pending.remove(at(0));
    pending.requeue(sent);
    expect(pending.take()).toMatchObject([{ partition: 1, next: 10 }]);
  });

  it('never sends an older commit after a newer one, and ends with the newest, in whatever order responses arrive', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('note' as const), partition: fc.nat(2) }),
      fc.record({ do: fc.constant('send' as const) }),
      fc.record({ do: fc.constantFrom('succeed' as const, 'fail' as const), which: fc.nat(5) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const pending = new PendingCommits();
        const sent = new Map<number, number>();
        const added = new Map<number, number>();
        const committed = new Map<number, number>();
        let next = 0;
        let inFlight: (readonly OffsetCommit[])[] = [];
        const send = (): void => {
          const commits = pending.take();
          for (const commit of commits) {
            expect(commit.sequence).toBeGreaterThanOrEqual(sent.get(commit.partition) ?? 0);
            sent.set(commit.partition, commit.sequence);
          }
          if (commits.length > 0) inFlight.push(commits);
        };
        const answer = (which: number, works: boolean): void => {
          const commits = inFlight[which % Math.max(1, inFlight.length)];
          if (!commits) return;
          inFlight = inFlight.filter((each) => each !== commits);
          if (!works) pending.requeue(commits);
          else for (const commit of commits) committed.set(commit.partition, Math.max(commit.next, committed.get(commit.partition) ?? 0));
        };
        for (const each of steps) {
          if (each.do === 'note') {
            added.set(each.partition, ++next);
            pending.add(at(each.partition), next);
          } else if (each.do === 'send') send();
          else answer(each.which, each.do === 'succeed');
        }
        while (inFlight.length > 0) answer(0, false);
        send();
        while (inFlight.length > 0) answer(0, true);
        expect(committed).toEqual(added);
      }),
    );
  });
});
