import type { TopicPartition } from '../../event-log.js';

/** That everything below `next` is done, and the how-manieth thing of that kind this consumer says. */
export interface Commit extends TopicPartition {
  readonly next: number;
  readonly sequence: number;
}

const name = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

/**
 * What the broker still has to be told. Each commit has a sequence number; one that failed is told again only while it is the
 * newest of its partition, so that an old position never overwrites a new one, whichever way the group has moved.
 */
export class CommitSequence {
  readonly #newest = new Map<string, Commit>();
  readonly #waiting = new Map<string, Commit>();
  #last = 0;

  get waiting(): number {
    return this.#waiting.size;
  }

  note({ topic, partition }: TopicPartition, next: number): void {
    const commit = { topic, partition, next, sequence: ++this.#last };
    this.#newest.set(name(commit), commit);
    this.#waiting.set(name(commit), commit);
  }

  /** What is to be sent now; the caller says what becomes of it when it failed. */
  take(): readonly Commit[] {
    const commits = [...this.#waiting.values()];
    this.#waiting.clear();
    return commits;
  }

  /** Answers how many of them wait again; the others have been overtaken. */
  failed(commits: readonly Commit[]): number {
    const again = commits.filter((commit) => this.#newest.get(name(commit))?.sequence === commit.sequence);
    for (const commit of again) this.#waiting.set(name(commit), commit);
    return again.length;
  }

  /** The partition is not ours any more: nothing may be told of it. */
  forget(at: TopicPartition): void {
    this.#newest.delete(name(at));
    this.#waiting.delete(name(at));
  }
}
