/**
 * Leader-elected tasks ({@link LeaderTask}), called duties for short: a lease row in the database determines the leader, which does the work; when
 * the leader fails, another replica takes over after LEASE_MS.
 */
export abstract class Duties {
  /** Runs a task now, if this replica is its leader. */
  abstract wake(name: string): void;
}
