/**
 * Leader-elected tasks ({@link LeaderTask}), called duties for short: a lease row in the database decides which replica does the work; when
 * the leader dies another replica takes over after LEASE_MS.
 */
export abstract class Duties {
  /** Has a task run now, when this replica is its leader. */
  abstract wake(name: string): void;
}
