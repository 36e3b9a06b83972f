import type { Logger } from '@nestjs/common';
import { type CommitPolicy, commitDueIn } from '../../../shared/commit-policy.js';
import type { ConsumerObserver, TopicPartition } from '../../event-log.js';
import { type Commit, CommitSequence } from './commit-sequence.js';

/** A commit that failed is told again after so long, unless something newer comes first (ms). */
const AGAIN_MS = 1000;

/** Tells the broker how far the group is, as the policy says: one request under way, nobody waits for it. */
export class OffsetCommits {
  readonly #sequence = new CommitSequence();
  #records = 0;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #closed = false;

  constructor(
    private readonly logger: Logger,
    private readonly policy: CommitPolicy,
    private readonly send: (commits: readonly Commit[]) => Promise<void>,
    private readonly observer: ConsumerObserver | undefined,
  ) {}

  /** Everything below `next` is in the database. `records`: how many were handled since the last note. */
  note(at: TopicPartition, next: number, records: number): void {
    if (this.#sequence.waiting === 0) this.#since = Date.now();
    this.#sequence.note(at, next);
    this.#records += records;
    this.#schedule();
  }

  /** The partition is not ours any more. */
  forget(at: TopicPartition): void {
    this.#sequence.forget(at);
  }

  /** Sends everything that waits, whatever the policy says. Never rejects: what failed waits for another time. */
  async flush(): Promise<void> {
    await this.#sending;
    await this.#sendAll();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#sending || this.#closed) return;
    const ms = commitDueIn(this.policy, { records: this.#records, since: this.#since }, Date.now());
    if (ms === 0) void this.#sendAll();
    else if (ms !== undefined) this.#timer ??= setTimeout(() => void this.#sendAll(), ms);
  }

  #sendAll(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const commits = this.#sequence.take();
    if (commits.length === 0) return Promise.resolve();
    this.#records = 0;
    this.#sending = this.#sendOnce(commits).then((again) => {
      this.#sending = undefined;
      this.#since = Date.now();
      if (again > 0 && !this.#closed) this.#timer = setTimeout(() => void this.#sendAll(), AGAIN_MS);
      else if (this.#sequence.waiting > 0) this.#schedule();
    });
    return this.#sending;
  }

  /** Answers how many of the commits have to be told again. */
  async #sendOnce(commits: readonly Commit[]): Promise<number> {
    const from = performance.now();
    try {
      await this.send(commits);
      this.observer?.committed(performance.now() - from, 'done');
      return 0;
    } catch (error) {
      this.observer?.committed(performance.now() - from, 'failed');
      this.logger.debug(`commit: ${error instanceof Error ? error.message : String(error)}`);
      return this.#sequence.failed(commits);
    }
  }
}
