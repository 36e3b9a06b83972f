/** Work that one replica does for all. */
export interface Duty {
  readonly name: string;
  /** One round of the work; answers the milliseconds until it wants to be called again. */
  readonly work: (now: number) => Promise<number>;
  /** Another replica does it now. */
  readonly lost: () => void;
}

/**
 * Work that exactly one replica does at a time, such as firing timers. A lease row in the database decides who; when its holder dies
 * another replica takes over after LEASE_MS. The work itself must guard its writes (conditional updates), because a paused holder may wake up late.
 */
export abstract class Duties {
  /**
   * Registers work under a name. Called whenever this replica holds the lease; the answer is the milliseconds until it wants to be called again
   * (it is also called after {@link wake}). A rejection is logged and tried again with backoff.
   */
  abstract register(name: string, work: Duty['work'], lost?: Duty['lost']): void;
  /** There is something to do now. */
  abstract wake(name: string): void;
}
