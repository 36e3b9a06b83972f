import type { Logger } from '@nestjs/common';
import { type CommitPolicy, commitDueIn } from '../../../shared/commit-policy.js';
import type { ConsumerObserver, TopicPartition } from '../../event-log.js';
import { type OffsetCommit, PendingCommits } from './pending-commits.js';
import { messageOf } from '../../../shared/error-message.js';

/** Delay before a failed commit is retried, unless a newer one is due first (ms). */
const RETRY_MS = 1000;

/** Commits offsets to the broker according to the commit policy: one request in flight, without blocking processing. */
export class OffsetCommitter {
  readonly #pending = new PendingCommits();
  #records = 0;
  #oldestAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #closed = false;

  constructor(
    private readonly logger: Logger,
    private readonly policy: CommitPolicy,
    private readonly send: (commits: readonly OffsetCommit[]) => Promise<void>,
    private readonly observer: ConsumerObserver | undefined,
  ) {}

  /** Everything below `next` is stored in the database. `records`: number of records processed since the last call. */
  add(at: TopicPartition, next: number, records: number): void {
    if (this.#pending.size === 0) this.#oldestAt = Date.now();
    this.#pending.add(at, next);
    this.#records += records;
    this.#schedule();
  }

  /** The partition was revoked. */
  remove(at: TopicPartition): void {
    this.#pending.remove(at);
  }

  /** Commits everything pending, regardless of the policy. Never rejects: failed commits stay pending. */
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
    const ms = commitDueIn(this.policy, { records: this.#records, since: this.#oldestAt }, Date.now());
    if (ms === 0) void this.#sendAll();
    else if (ms !== undefined) this.#timer ??= setTimeout(() => void this.#sendAll(), ms);
  }

  #sendAll(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const commits = this.#pending.take();
    if (commits.length === 0) return Promise.resolve();
    this.#records = 0;
    this.#sending = this.#sendOnce(commits).then((requeued) => {
      this.#sending = undefined;
      this.#oldestAt = Date.now();
      if (requeued > 0 && !this.#closed) this.#timer = setTimeout(() => void this.#sendAll(), RETRY_MS);
      else if (this.#pending.size > 0) this.#schedule();
    });
    return this.#sending;
  }

  /** Returns the number of commits to retry. */
  async #sendOnce(commits: readonly OffsetCommit[]): Promise<number> {
    const from = performance.now();
    try {
      await this.send(commits);
      this.observer?.committed(performance.now() - from, 'done');
      return 0;
    } catch (error) {
      this.observer?.committed(performance.now() - from, 'failed');
      this.logger.debug(`commit: ${messageOf(error)}`);
      return this.#pending.requeue(commits);
    }
  }
}
