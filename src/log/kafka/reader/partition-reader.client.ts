import { backoff } from '../../../shared/retry.js';
import type { PartitionAssignment } from '../../cluster.js';
import { isDeferral } from '../../deferral.js';
import type { BatchControl, LogRecord, PartitionListener, TopicPartition } from '../../event-log.js';
import type { FetchedPartition, FetchPosition } from '../connection/brokers.client.js';

/** A position of the partition. Each seek starts a new session, and results of earlier ones are discarded. */
interface FetchSession {
  offset: number;
}

/** Without a group there are no heartbeats and no commits. */
const NO_GROUP_CONTROL: BatchControl = { heartbeat: () => new Promise((resolve) => setImmediate(resolve)), commit: () => Promise.resolve() };

/** One partition of an {@link AssignedConsumer}: its buffered records and its strictly sequential listener calls. */
export class PartitionReader {
  #session: FetchSession = { offset: 0 };
  #buffered: readonly LogRecord[] = [];
  #afterBuffered = 0;
  #highWatermark = 0;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  /** Chain of the listener calls. */
  #calls: Promise<void>;
  #handling = false;
  #assigned = false;
  #revoked = false;
  /** Offset of a seek during `assigned`; it overrides the listener's answer. */
  #pendingSeek: number | undefined;
  isPaused = false;
  /** The partition has appeared in the metadata. */
  isKnown = false;
  /** The partition disappeared from the metadata: a partition of the same name would be a new log. */
  isMissing = false;
  /** Leader node; undefined while unknown. */
  leader: number | undefined;
  /** Why the partition makes no progress. */
  problem: string | undefined;
  /** Size of the fetched, unprocessed records. */
  bufferedBytes = 0;

  /** `before`: the last listener call for the same partition in an earlier assignment. `onFetchable` is called when a fetch is possible. */
  constructor(
    readonly at: TopicPartition,
    private readonly assignment: Pick<PartitionAssignment, 'maxRecords' | 'listener'>,
    private generation: number,
    private readonly onFetchable: () => void,
    before: Promise<void> = Promise.resolve(),
  ) {
    this.#calls = before;
    this.assign();
  }

  get #listener(): PartitionListener {
    return this.assignment.listener;
  }

  /** The next fetch; undefined while the partition is blocked or being processed. */
  nextFetch(): FetchPosition | undefined {
    if (this.#revoked || !this.#assigned || this.isPaused || this.#handling || this.#buffered.length > 0) return undefined;
    return { ...this.at, position: this.#session.offset };
  }

  get isBlocked(): boolean {
    return !this.#assigned || this.isPaused;
  }

  /** Resolves when no listener call is running. */
  get idle(): Promise<void> {
    return this.#calls;
  }

  /** Buffers the records fetched for `requested` and processes them in batches. */
  accept(requested: FetchPosition, { records, nextPosition, highWatermark }: FetchedPartition): void {
    if (this.#revoked || !this.#assigned || requested.position !== this.#session.offset) return;
    this.problem = undefined;
    this.#highWatermark = highWatermark;
    this.#buffered = records;
    this.#afterBuffered = nextPosition;
    this.bufferedBytes = records.reduce((sum, { key, value }) => sum + (key?.length ?? 0) + (value?.length ?? 0) + 100, 0);
    if (records.length > 0) this.#handle();
    else this.#session = { offset: nextPosition };
  }

  #handle(): void {
    this.#handling = true;
    this.#enqueue(async () => {
      const session = this.#session;
      while (this.#isCurrent(session) && this.#buffered.length > 0) if (!(await this.#handleNext(session))) break;
      this.#handling = false;
      if (this.#isCurrent(session) && this.#buffered.length === 0) this.#session = { offset: this.#afterBuffered };
      if (this.#buffered.length === 0) this.bufferedBytes = 0;
      this.onFetchable();
    });
  }

  #isCurrent(session: FetchSession): boolean {
    return session === this.#session && this.#assigned && !this.#revoked && !this.isPaused;
  }

  /** Processes one batch. True on success. */
  async #handleNext(session: FetchSession): Promise<boolean> {
    const records = this.#buffered.slice(0, this.assignment.maxRecords);
    try {
      const deferral = await this.#listener.batch({ ...this.at, records, highWatermark: this.#highWatermark }, NO_GROUP_CONTROL);
      if (deferral) return this.#notHandled(session, deferral);
    } catch (error) {
      return this.#notHandled(session, error);
    }
    if (session !== this.#session) return false;
    this.#failures = 0;
    this.#buffered = this.#buffered.slice(records.length);
    session.offset = records.at(-1)!.offset + 1;
    return true;
  }

  #notHandled(session: FetchSession, why: unknown): false {
    if (session === this.#session && !this.#revoked) this.#assignLater(why);
    return false;
  }

  #enqueue(work: () => Promise<void>): void {
    this.#calls = this.#calls.then(work);
  }

  /** Requests the start offset from the listener. */
  assign(): void {
    this.#discard();
    this.#enqueue(async () => {
      if (this.#revoked) return;
      try {
        this.#pendingSeek = undefined;
        const offset = await this.#listener.assigned(this.at, this.generation);
        if (this.#revoked) return;
        if (typeof offset !== 'number') return this.#assignLater(offset);
        this.#discard({ offset: this.#pendingSeek ?? offset });
        this.#assigned = true;
        this.problem = undefined;
        this.onFetchable();
      } catch (error) {
        this.#assignLater(error);
      }
    });
  }

  /** Retries the assignment after a backoff; until then no record is processed. */
  #assignLater(why: unknown): void {
    this.#discard();
    this.problem = problemOf(why);
    clearTimeout(this.#retry);
    if (!this.#revoked) this.#retry = setTimeout(() => this.assign(), backoff(++this.#failures, Math.random()));
  }

  #discard(session?: FetchSession): void {
    this.#session = session ?? { offset: this.#session.offset };
    this.#assigned = false;
    this.#buffered = [];
    this.bufferedBytes = 0;
  }

  restart(reason: string): void {
    this.#assignLater(new Error(reason));
  }

  /** The partition is missing in the metadata. */
  markMissing(reason: string): void {
    this.leader = undefined;
    this.problem = reason;
    this.isMissing ||= this.isKnown;
  }

  /** The partition is a new log: the listener gets `revoked`, and then `assigned` again. */
  startOver(generation: number, reason: string): void {
    this.generation = generation;
    this.isMissing = false;
    this.#listener.revoked(this.at);
    this.#assignLater(new Error(reason));
  }

  seek(offset: number): void {
    const assigned = this.#assigned;
    this.#pendingSeek = offset;
    this.#discard({ offset });
    this.#assigned = assigned;
    this.onFetchable();
  }

  resume(): void {
    this.isPaused = false;
    if (this.#buffered.length > 0 && !this.#handling) this.#handle();
    else this.onFetchable();
  }

  /** Revokes the partition immediately; results of running work are discarded. */
  revoke(): void {
    if (this.#revoked) return;
    this.#close();
    this.#listener.revoked(this.at);
  }

  /** Revokes the partition after the running batch. */
  async drain(): Promise<void> {
    this.#close();
    await this.#calls;
    this.#listener.revoked(this.at);
  }

  #close(): void {
    this.#revoked = true;
    clearTimeout(this.#retry);
    this.#discard();
  }
}

/** Why a partition is not read, in words; undefined for back-pressure, which is no problem. */
function problemOf(why: unknown): string | undefined {
  if (why instanceof Error) return why.message;
  if (typeof why !== 'object' || why === null || !isDeferral(why)) return String(why);
  return why.reason === 'backpressure' ? undefined : why.why;
}
