import { backoff } from '../../../shared/retry.js';
import type { PartitionAssignment } from '../../cluster.js';
import { isDeferral } from '../../deferral.js';
import type { BatchControl, LogRecord, PartitionListener, TopicPartition } from '../../event-log.js';
import type { Fetched, Wanted } from '../connection/brokers.client.js';

/** A position of a certain time: what was fetched or handled for an earlier one is void after a seek. */
interface Place {
  offset: number;
}

/** There is no group whose membership had to be kept alive, and nobody to tell how far we are. */
const NO_GROUP: BatchControl = { heartbeat: () => new Promise((resolve) => setImmediate(resolve)), commit: () => Promise.resolve() };

/** One partition of an {@link AssignedConsumer}: what of it was fetched, what its listener is told, and one after the other. */
export class PartitionReader {
  #place: Place = { offset: 0 };
  #waiting: readonly LogRecord[] = [];
  #behindWaiting = 0;
  #highWatermark = 0;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  /** The calls to the listener, each after the one before. */
  #calls: Promise<void>;
  #handling = false;
  #claimed = false;
  #gone = false;
  /** Where a seek wants to go while the listener is still asked. */
  #sought: number | undefined;
  isPaused = false;
  /** The cluster has known the partition. */
  isKnown = false;
  /** The cluster knew the partition, and then did not: what comes under its name is another log. */
  isVanished = false;
  /** Node that leads the partition; undefined while nobody knows it. */
  leader: number | undefined;
  /** Why the partition stands still, in words. */
  problem: string | undefined;
  /** Bytes that were fetched and are not handled yet. */
  bytes = 0;

  /** `before`: the last call about the same partition in an earlier assignment. `changed` is called when there is something to fetch. */
  constructor(
    readonly at: TopicPartition,
    private readonly assignment: Pick<PartitionAssignment, 'maxRecords' | 'listener'>,
    private generation: number,
    private readonly changed: () => void,
    before: Promise<void> = Promise.resolve(),
  ) {
    this.#calls = before;
    this.claim();
  }

  get #listener(): PartitionListener {
    return this.assignment.listener;
  }

  /** What to fetch; undefined while the partition is paused, waits, or has something to handle. */
  wanted(): Wanted | undefined {
    if (this.#gone || !this.#claimed || this.isPaused || this.#handling || this.#waiting.length > 0) return undefined;
    return { ...this.at, position: this.#place.offset };
  }

  get waits(): boolean {
    return !this.#claimed || this.isPaused;
  }

  /** Resolves when no call to the listener is under way. */
  get quiet(): Promise<void> {
    return this.#calls;
  }

  /** Takes what was fetched for `wanted`, and hands it over in batches. */
  accept(wanted: Wanted, { records, next, highWatermark }: Fetched): void {
    if (this.#gone || !this.#claimed || wanted.position !== this.#place.offset) return;
    this.problem = undefined;
    this.#highWatermark = highWatermark;
    this.#waiting = records;
    this.#behindWaiting = next;
    this.bytes = records.reduce((sum, { key, value }) => sum + (key?.length ?? 0) + (value?.length ?? 0) + 100, 0);
    if (records.length > 0) this.#handle();
    else this.#place = { offset: next };
  }

  #handle(): void {
    this.#handling = true;
    this.#call(async () => {
      const place = this.#place;
      while (this.#goesOn(place) && this.#waiting.length > 0) if (!(await this.#next(place))) break;
      this.#handling = false;
      if (this.#goesOn(place) && this.#waiting.length === 0) this.#place = { offset: this.#behindWaiting };
      if (this.#waiting.length === 0) this.bytes = 0;
      this.changed();
    });
  }

  #goesOn(place: Place): boolean {
    return place === this.#place && this.#claimed && !this.#gone && !this.isPaused;
  }

  /** Hands one batch over. True when it is done. */
  async #next(place: Place): Promise<boolean> {
    const records = this.#waiting.slice(0, this.assignment.maxRecords);
    try {
      const deferral = await this.#listener.batch({ ...this.at, records, highWatermark: this.#highWatermark }, NO_GROUP);
      if (deferral) return this.#notHandled(place, deferral);
    } catch (error) {
      return this.#notHandled(place, error);
    }
    if (place !== this.#place) return false;
    this.#failures = 0;
    this.#waiting = this.#waiting.slice(records.length);
    place.offset = records.at(-1)!.offset + 1;
    return true;
  }

  #notHandled(place: Place, why: unknown): false {
    if (place === this.#place && !this.#gone) this.#claimLater(why);
    return false;
  }

  #call(work: () => Promise<void>): void {
    this.#calls = this.#calls.then(work);
  }

  /** Asks the listener where to start. */
  claim(): void {
    this.#void();
    this.#call(async () => {
      if (this.#gone) return;
      try {
        this.#sought = undefined;
        const offset = await this.#listener.assigned(this.at, this.generation);
        if (this.#gone) return;
        if (typeof offset !== 'number') return this.#claimLater(offset);
        this.#void({ offset: this.#sought ?? offset });
        this.#claimed = true;
        this.problem = undefined;
        this.changed();
      } catch (error) {
        this.#claimLater(error);
      }
    });
  }

  /** Asks again after a while; until then nothing of the partition is handled. */
  #claimLater(why: unknown): void {
    this.#void();
    this.problem = problemOf(why);
    clearTimeout(this.#retry);
    if (!this.#gone) this.#retry = setTimeout(() => this.claim(), backoff(++this.#failures, Math.random()));
  }

  #void(place?: Place): void {
    this.#place = place ?? { offset: this.#place.offset };
    this.#claimed = false;
    this.#waiting = [];
    this.bytes = 0;
  }

  restart(why: string): void {
    this.#claimLater(new Error(why));
  }

  /** The cluster does not know the partition (any more). */
  vanished(why: string): void {
    this.leader = undefined;
    this.problem = why;
    this.isVanished ||= this.isKnown;
  }

  /** The log under the partition is another one: what the listener knows of it is over, and it is asked as for a new one. */
  renew(generation: number, why: string): void {
    this.generation = generation;
    this.isVanished = false;
    this.#listener.revoked(this.at);
    this.#claimLater(new Error(why));
  }

  seek(offset: number): void {
    const claimed = this.#claimed;
    this.#sought = offset;
    this.#void({ offset });
    this.#claimed = claimed;
    this.changed();
  }

  resume(): void {
    this.isPaused = false;
    if (this.#waiting.length > 0 && !this.#handling) this.#handle();
    else this.changed();
  }

  /** Lets go of the partition at once; what still runs is not believed any more. */
  release(): void {
    if (this.#gone) return;
    this.#end();
    this.#listener.revoked(this.at);
  }

  /** Lets the running batch end, then lets go of the partition. */
  async finish(): Promise<void> {
    this.#end();
    await this.#calls;
    this.#listener.revoked(this.at);
  }

  #end(): void {
    this.#gone = true;
    clearTimeout(this.#retry);
    this.#void();
  }
}

/** Why a partition is not read, in words; undefined for back-pressure, which is no problem. */
function problemOf(why: unknown): string | undefined {
  if (why instanceof Error) return why.message;
  if (typeof why !== 'object' || why === null || !isDeferral(why)) return String(why);
  return why.reason === 'backpressure' ? undefined : why.why;
}
