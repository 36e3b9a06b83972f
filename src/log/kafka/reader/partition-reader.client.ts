import { backoff } from '../../../shared/retry.js';
import type { PartitionAssignment } from '../../cluster.js';
import type { BatchControl, LogRecord, PartitionListener, TopicPartition } from '../../event-log.js';
import type { FetchedPartition, FetchPosition } from '../connection/brokers.client.js';

/** A position of a certain time: what was fetched or handled for an earlier one is void after a seek. */
interface FetchSession {
  offset: number;
}

/** There is no group whose membership had to be kept alive, and nobody to tell how far we are. */
const NO_GROUP_CONTROL: BatchControl = { heartbeat: () => new Promise((resolve) => setImmediate(resolve)), commit: () => Promise.resolve() };

/** One partition of an {@link AssignedConsumer}: what of it was fetched, what its listener is told, and one after the other. */
export class PartitionReader {
  #session: FetchSession = { offset: 0 };
  #buffered: readonly LogRecord[] = [];
  #afterBuffered = 0;
  #highWatermark = 0;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  /** The calls to the listener, each after the one before. */
  #calls: Promise<void>;
  #handling = false;
  #assigned = false;
  #revoked = false;
  /** Where a seek wants to go while the listener is still asked. */
  #pendingSeek: number | undefined;
  isPaused = false;
  /** The cluster has known the partition. */
  isKnown = false;
  /** The cluster knew the partition, and then did not: what comes under its name is another log. */
  isMissing = false;
  /** Node that leads the partition; undefined while nobody knows it. */
  leader: number | undefined;
  /** Why the partition stands still, in errorName. */
  problem: string | undefined;
  /** Bytes that were fetched and are not handled yet. */
  bufferedBytes = 0;

  /** `before`: the last call about the same partition in an earlier assignment. `onFetchable` is called when there is something to fetch. */
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

  /** What to fetch; undefined while the partition is paused, isBlocked, or has something to handle. */
  nextFetch(): FetchPosition | undefined {
    if (this.#revoked || !this.#assigned || this.isPaused || this.#handling || this.#buffered.length > 0) return undefined;
    return { ...this.at, position: this.#session.offset };
  }

  get isBlocked(): boolean {
    return !this.#assigned || this.isPaused;
  }

  /** Resolves when no call to the listener is under way. */
  get idle(): Promise<void> {
    return this.#calls;
  }

  /** Takes what was fetched for `wanted`, and hands it over in batches. */
  accept(wanted: FetchPosition, { records, nextPosition, highWatermark }: FetchedPartition): void {
    if (this.#revoked || !this.#assigned || wanted.position !== this.#session.offset) return;
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

  /** Hands one batch over. True when it is done. */
  async #handleNext(session: FetchSession): Promise<boolean> {
    const records = this.#buffered.slice(0, this.assignment.maxRecords);
    try {
      await this.#listener.batch({ ...this.at, records, highWatermark: this.#highWatermark }, NO_GROUP_CONTROL);
    } catch (error) {
      if (session === this.#session && !this.#revoked) this.#assignLater(error);
      return false;
    }
    if (session !== this.#session) return false;
    this.#failures = 0;
    this.#buffered = this.#buffered.slice(records.length);
    session.offset = records.at(-1)!.offset + 1;
    return true;
  }

  #enqueue(work: () => Promise<void>): void {
    this.#calls = this.#calls.then(work);
  }

  /** Asks the listener where to start. */
  assign(): void {
    this.#discard();
    this.#enqueue(async () => {
      if (this.#revoked) return;
      try {
        this.#pendingSeek = undefined;
        const offset = await this.#listener.assigned(this.at, this.generation);
        if (this.#revoked) return;
        this.#discard({ offset: this.#pendingSeek ?? offset });
        this.#assigned = true;
        this.problem = undefined;
        this.onFetchable();
      } catch (error) {
        this.#assignLater(error);
      }
    });
  }

  /** Asks again after a while; until then nothing of the partition is handled. */
  #assignLater(error: unknown): void {
    this.#discard();
    this.problem = error instanceof Error ? error.message : String(error);
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

  /** The cluster does not know the partition (any more). */
  markMissing(reason: string): void {
    this.leader = undefined;
    this.problem = reason;
    this.isMissing ||= this.isKnown;
  }

  /** The log under the partition is another one: what the listener knows of it is over, and it is asked as for a new one. */
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

  /** Lets go of the partition at once; what still runs is not believed any more. */
  revoke(): void {
    if (this.#revoked) return;
    this.#close();
    this.#listener.revoked(this.at);
  }

  /** Lets the running batch end, then lets go of the partition. */
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
