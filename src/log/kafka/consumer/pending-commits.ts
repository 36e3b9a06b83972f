import type { TopicPartition } from '../../event-log.js';

/** That everything below `next` is done, and the how-manieth thing of that kind this consumer says. */
export interface OffsetCommit extends TopicPartition {
  readonly next: number;
  readonly sequence: number;
}

const partitionKey = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

/**
 * What the broker still has to be told. Each commit has a sequence number; one that failed is told requeued only while it is the
 * newest of its partition, so that an old position never overwrites a new one, whichever way the group has moved.
 */
export class PendingCommits {
  readonly #newest = new Map<string, OffsetCommit>();
  readonly #waiting = new Map<string, OffsetCommit>();
  #last = 0;

  get size(): number {
    return this.#waiting.size;
  }

  add({ topic, partition }: TopicPartition, next: number): void {
    const commit = { topic, partition, next, sequence: ++this.#last };
    this.#newest.set(partitionKey(commit), commit);
    this.#waiting.set(partitionKey(commit), commit);
  }

  /** What is to be sent now; the caller says what becomes of it when it failed. */
  take(): readonly OffsetCommit[] {
    const commits = [...this.#waiting.values()];
    this.#waiting.clear();
    return commits;
  }

  /** Answers how many of them wait requeued; the others have been overtaken. */
  requeue(commits: readonly OffsetCommit[]): number {
    const requeued = commits.filter((commit) => this.#newest.get(partitionKey(commit))?.sequence === commit.sequence);
    for (const commit of requeued) this.#waiting.set(partitionKey(commit), commit);
    return requeued.length;
  }

  /** The partition is not ours any more: nothing may be told of it. */
  remove(at: TopicPartition): void {
    this.#newest.delete(partitionKey(at));
    this.#waiting.delete(partitionKey(at));
  }
}
