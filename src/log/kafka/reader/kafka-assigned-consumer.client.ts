import { Logger } from '@nestjs/common';
import type { Config } from '../../../config.js';
import { TocsinError } from '../../../shared/errors.js';
import { backoff } from '../../../shared/retry.js';
import type { AssignedConsumer, PartitionAssignment } from '../../cluster.js';
import type { ConsumerState, TopicPartition } from '../../event-log.js';
import { errorName } from '../connection/broker-pool.client.js';
import {
  type Brokers,
  type FetchedPartition,
  type PartitionLeaders,
  isStaleLeader,
  OFFSET_OUT_OF_RANGE,
  type FetchPosition,
} from '../connection/brokers.client.js';
import { EARLIEST, LATEST, OffsetLookup } from '../connection/offset-lookup.client.js';
import { PartitionReader } from './partition-reader.client.js';
import { reconnectBackoff } from '../connection/reconnect-backoff.js';
import { messageOf } from '../../../shared/error-message.js';

type AssignedConsumerConfig = Pick<
  Config,
  | 'KAFKA_FETCH_MAX_WAIT_MS'
  | 'KAFKA_FETCH_MAX_BYTES'
  | 'KAFKA_MAX_PARTITION_FETCH_BYTES'
  | 'KAFKA_METADATA_MAX_AGE_MS'
  | 'KAFKA_RECONNECT_BACKOFF_MAX_MS'
>;

/** Short max.wait.ms while other partitions of the broker are being processed: they must not wait for this fetch when they are done. */
const SHORT_WAIT_MS = 20;
/** No fetch while more than this many times KAFKA_FETCH_MAX_BYTES are buffered. */
const MAX_BUFFERED_FETCHES = 4;

const key = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

/**
 * Reads assigned partitions without a group: one fetch in flight per broker, none for a partition that is being processed. A failure of one
 * partition or broker does not affect the others. A position below the log start is never skipped silently: the listener sees the gap before
 * the first available record. Where the log ends before the position, the partition is revoked and assigned again.
 */
export class KafkaAssignedConsumer implements AssignedConsumer {
  readonly #logger: Logger;
  readonly #readers = new Map<string, PartitionReader>();
  /** Last listener calls of revoked partitions; a new reader of the same partition waits for them. */
  readonly #revoking = new Map<string, Promise<void>>();
  /** Nodes with a fetch in flight or in backoff. */
  readonly #fetching = new Map<number, Promise<void>>();
  readonly #failures = new Map<number, { times: number; reason: string }>();
  readonly #stop = new AbortController();
  readonly #refreshing: Promise<void>;
  #wake = (): void => undefined;
  #isWoken = false;
  #generation = 0;
  #refreshFailures = 0;
  #leaderlessRefreshes = 0;
  #isConnected = false;
  #problem: string | undefined;

  constructor(
    private readonly brokers: Brokers,
    private readonly assignment: PartitionAssignment,
    private readonly config: AssignedConsumerConfig,
    private readonly onStopped: () => void,
  ) {
    this.#logger = new Logger(`kafka ${assignment.group}`);
    this.assign(assignment.partitions);
    this.#refreshing = this.#refreshLoop();
  }

  assign(partitions: readonly TopicPartition[]): void {
    if (this.#stop.signal.aborted) return;
    const requested = new Map(partitions.map(({ topic, partition }) => [key({ topic, partition }), { topic, partition }]));
    for (const [name, reader] of this.#readers) {
      if (requested.has(name)) continue;
      this.#readers.delete(name);
      reader.revoke();
      this.#revoking.set(name, reader.idle);
    }
    for (const [name, at] of requested) {
      if (this.#readers.has(name)) continue;
      const reader = new PartitionReader(at, this.assignment, this.#nextGeneration(), () => this.#fetchAll(), this.#revoking.get(name));
      this.#readers.set(name, reader);
    }
    this.#requestRefresh();
  }

  #nextGeneration(): number {
    return (this.#generation = Math.max(Date.now(), this.#generation + 1));
  }

  /** Refreshes the partition leaders periodically and on request. */
  async #refreshLoop(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#isWoken = false;
      const wait = this.#readers.size > 0 ? await this.#refreshLeaders() : this.config.KAFKA_METADATA_MAX_AGE_MS;
      this.#fetchAll();
      await this.#sleep(wait, true);
    }
  }

  #requestRefresh(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** Returns the time until the next refresh (ms). */
  async #refreshLeaders(): Promise<number> {
    try {
      const topics = await this.brokers.topics([...new Set([...this.#readers.values()].map(({ at }) => at.topic))]);
      if (this.#problem) this.#logger.log('cluster is reachable again');
      this.#isConnected = true;
      this.#refreshFailures = 0;
      this.#problem = undefined;
      const leaderless = [...this.#readers.values()].filter((reader) => !this.#updateLeader(reader, topics.get(reader.at.topic)));
      this.#leaderlessRefreshes = leaderless.length > 0 ? this.#leaderlessRefreshes + 1 : 0;
      return leaderless.length > 0
        ? backoff(this.#leaderlessRefreshes, Math.random(), 500, this.config.KAFKA_METADATA_MAX_AGE_MS)
        : this.config.KAFKA_METADATA_MAX_AGE_MS;
    } catch (error) {
      const wait = reconnectBackoff(++this.#refreshFailures, Math.random(), this.config.KAFKA_RECONNECT_BACKOFF_MAX_MS);
      const reason = messageOf(error);
      // Logged once; while it lasts, the state shows it.
      if (reason !== this.#problem)
        this.#logger.warn(`${reason}; retrying with a backoff of at most ${this.config.KAFKA_RECONNECT_BACKOFF_MAX_MS} ms`);
      this.#problem = reason;
      return wait;
    }
  }

  /** Updates the leader of the partition. False when it has none or does not exist. */
  #updateLeader(reader: PartitionReader, leaders: PartitionLeaders | undefined): boolean {
    const leader = leaders?.get(reader.at.partition);
    if (leader === undefined) {
      reader.markMissing(leaders ? `${reader.at.topic} has no partition ${reader.at.partition}` : new TocsinError('T7005', reader.at.topic).message);
      return false;
    }
    reader.isKnown = true;
    if (reader.isMissing) reader.startOver(this.#nextGeneration(), `${reader.at.topic} was recreated`);
    reader.leader = leader >= 0 ? leader : undefined;
    if (leader < 0) reader.problem = `${key(reader.at)} has no leader`;
    return leader >= 0;
  }

  /** Starts a fetch on every node that has fetchable partitions and no fetch in flight. */
  #fetchAll(): void {
    if (this.#stop.signal.aborted || this.#isBufferFull()) return;
    const byNode = new Map<number, PartitionReader[]>();
    for (const reader of this.#readers.values()) {
      if (reader.leader === undefined || this.#fetching.has(reader.leader)) continue;
      const own = byNode.get(reader.leader);
      if (own) own.push(reader);
      else byNode.set(reader.leader, [reader]);
    }
    for (const [node, own] of byNode) {
      const requested = new Map<FetchPosition, PartitionReader>();
      for (const reader of own) {
        const one = reader.nextFetch();
        if (one) requested.set(one, reader);
      }
      if (requested.size === 0) continue;
      const isIdle = own.every((reader) => reader.isBlocked) || own.filter((reader) => !reader.isBlocked).length === requested.size;
      const fetching = this.#fetch(node, requested, isIdle ? this.config.KAFKA_FETCH_MAX_WAIT_MS : SHORT_WAIT_MS).then(() => {
        this.#fetching.delete(node);
        this.#fetchAll();
      });
      this.#fetching.set(node, fetching);
    }
  }

  #isBufferFull(): boolean {
    let bytes = 0;
    for (const reader of this.#readers.values()) bytes += reader.bufferedBytes;
    return bytes > MAX_BUFFERED_FETCHES * this.config.KAFKA_FETCH_MAX_BYTES;
  }

  async #fetch(node: number, requested: ReadonlyMap<FetchPosition, PartitionReader>, maxWaitMs: number): Promise<void> {
    const limits = { maxWaitMs, bytes: this.config.KAFKA_FETCH_MAX_BYTES, partitionBytes: this.config.KAFKA_MAX_PARTITION_FETCH_BYTES };
    try {
      const all = await this.brokers.fetch(node, shuffled([...requested.keys()]), limits);
      if (this.#failures.delete(node)) this.#requestRefresh();
      const found = new Map(all.map((each) => [key(each), each]));
      await Promise.all([...requested].map(([one, reader]) => this.#handleFetched(reader, one, found.get(key(one)))));
    } catch (error) {
      const times = (this.#failures.get(node)?.times ?? 0) + 1;
      const reason = messageOf(error);
      this.#failures.set(node, { times, reason });
      const wait = reconnectBackoff(times, Math.random(), this.config.KAFKA_RECONNECT_BACKOFF_MAX_MS);
      this.#logger.debug(`broker ${node}: ${reason}; retrying in ${wait} ms`);
      // The partitions may have moved to another leader.
      this.#requestRefresh();
      await this.#sleep(wait);
    }
  }

  async #handleFetched(reader: PartitionReader, requested: FetchPosition, fetched: FetchedPartition | undefined): Promise<void> {
    if (!fetched) return;
    const { errorCode, problem } = fetched;
    if (errorCode === OFFSET_OUT_OF_RANGE) return this.#handleOffsetOutOfRange(reader, requested.position);
    if (isStaleLeader(errorCode)) {
      reader.leader = undefined;
      reader.problem = errorName(errorCode);
      await this.#sleep(100);
      this.#requestRefresh();
    } else if (errorCode !== 0 || problem) {
      reader.restart(problem ?? errorName(errorCode));
    } else {
      reader.accept(requested, fetched);
    }
  }

  async #handleOffsetOutOfRange(reader: PartitionReader, position: number): Promise<void> {
    const { topic, partition } = reader.at;
    const [low, high] = await Promise.all([EARLIEST, LATEST].map((which) => new OffsetLookup(this.brokers).listOffsets(topic, which, { partition })));
    const [first, end] = [low!.get(partition)!, high!.get(partition)!];
    if (position < first) {
      this.#logger.warn(`${key(reader.at)}: records ${position} to ${first - 1} were deleted`);
      reader.seek(first);
    } else if (position > end) {
      reader.startOver(
        this.#nextGeneration(),
        new TocsinError('T7006', `${key(reader.at)} has log end offset ${end}, but the position is ${position}`).message,
      );
    }
  }

  /** Resolves after `ms`, when the consumer stops, and, if `wakeable`, when a refresh is requested. */
  #sleep(ms: number, wakeable = false): Promise<void> {
    if (this.#stop.signal.aborted || (wakeable && this.#isWoken)) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#stop.signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#stop.signal.addEventListener('abort', done);
      if (wakeable) this.#wake = done;
    });
  }

  state(): ConsumerState {
    const readers = [...this.#readers.values()];
    const leaders = new Set(readers.map(({ leader }) => leader));
    const failing = [...this.#failures].filter(([node]) => leaders.has(node)).map(([, { reason }]) => reason);
    const problems = new Set([this.#problem, ...failing, ...readers.map(({ problem }) => problem)]);
    problems.delete(undefined);
    const state = {
      group: this.assignment.group,
      topics: [...new Set(readers.map(({ at }) => at.topic))],
      status: this.#status(),
      assigned: readers.map(({ at }) => at),
      paused: readers.filter(({ isBlocked }) => isBlocked).map(({ at }) => at),
    };
    return problems.size > 0 ? { ...state, problem: [...problems].join('; ') } : state;
  }

  #status(): ConsumerState['status'] {
    if (this.#stop.signal.aborted) return 'stopped';
    return this.#isConnected && !this.#problem ? 'running' : 'connecting';
  }

  pause(at: TopicPartition): void {
    this.#reader(at).isPaused = true;
  }

  resume(at: TopicPartition): void {
    this.#reader(at).resume();
  }

  seek(at: TopicPartition, offset: number): void {
    this.#reader(at).seek(offset);
  }

  restart(at: TopicPartition): void {
    this.#reader(at).restart('restarts');
  }

  #reader(at: TopicPartition): PartitionReader {
    const reader = this.#readers.get(key(at));
    if (!reader) throw new Error(`${key(at)} is not assigned`);
    return reader;
  }

  async stop(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    await Promise.all([...this.#readers.values()].map((reader) => reader.drain()));
    await Promise.all([...this.#revoking.values(), ...this.#fetching.values(), this.#refreshing]);
    await this.brokers.close();
    this.onStopped();
  }
}

/** A broker fills the response in request order: shuffle for fairness. */
function shuffled<T>(all: T[]): T[] {
  for (let last = all.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [all[last], all[other]] = [all[other]!, all[last]!];
  }
  return all;
}
