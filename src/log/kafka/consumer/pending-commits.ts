import type { TopicPartition } from '../../event-log.js';

/** Everything below `next` is done; `sequence` orders the commits of this consumer. */
export interface OffsetCommit extends TopicPartition {
  readonly next: number;
  readonly sequence: number;
}

const partitionKey = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

/**
 * Offsets that are still to be committed. A failed commit is retried only while it is the newest of its partition, so that an old offset
 * never overwrites a newer one, even when a reset has moved the group back.
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

  /** Removes and returns the commits to send; call `requeue` when sending fails. */
  take(): readonly OffsetCommit[] {
    const commits = [...this.#waiting.values()];
    this.#waiting.clear();
    return commits;
  }

  /** Returns how many are pending again; newer commits have replaced the others. */
  requeue(commits: readonly OffsetCommit[]): number {
    const requeued = commits.filter((commit) => this.#newest.get(partitionKey(commit))?.sequence === commit.sequence);
    for (const commit of requeued) this.#waiting.set(partitionKey(commit), commit);
    return requeued.length;
  }

  /** The partition was revoked: nothing may be committed for it. */
  remove(at: TopicPartition): void {
    this.#newest.delete(partitionKey(at));
    this.#waiting.delete(partitionKey(at));
  }
}
