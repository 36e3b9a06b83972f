import type { TopicPartition } from '../../src/log/event-log.js';

/** How far a group is in a partition. */
export interface Standing extends TopicPartition {
  readonly group: string;
  readonly next: number;
  readonly end: number;
}

export interface Standstill {
  readonly ms: number;
  /** Where, in words. */
  readonly where: string;
}

/** How long partitions stood still while records waited in them, as somebody sees it who looks again and again; shorter than the truth by two looks at most. */
export class Standstills {
  readonly #waiting = new Map<string, { next: number; since: number }>();
  #longest: Standstill = { ms: 0, where: 'nowhere' };

  /** What a look at `now` (epoch ms) has shown. */
  note(standings: readonly Standing[], now: number): void {
    for (const { group, topic, partition, next, end } of standings) {
      const where = `${group} on ${topic}/${partition}`;
      const before = this.#waiting.get(where);
      if (before?.next === next) this.#measure(where, now - before.since);
      if (next >= end) this.#waiting.delete(where);
      else if (before?.next !== next) this.#waiting.set(where, { next, since: now });
    }
  }

  #measure(where: string, ms: number): void {
    if (ms > this.#longest.ms) this.#longest = { ms, where };
  }

  /** The longest one since the last call, or what is known so far of one that lasts. */
  take(): Standstill {
    const longest = this.#longest;
    this.#longest = { ms: 0, where: 'nowhere' };
    return longest;
  }
}
