import { Logger } from '@nestjs/common';
import type { Config } from '../../../config.js';
import { TocsinError } from '../../../shared/errors.js';
import { backoff } from '../../../shared/retry.js';
import type { AssignedConsumer, PartitionAssignment } from '../../cluster.js';
import type { ConsumerState, TopicPartition } from '../../event-log.js';
import { words } from '../connection/broker-pool.client.js';
import { type Brokers, type Fetched, type Leaders, moved, OUT_OF_RANGE, type Wanted } from '../connection/brokers.client.js';
import { OffsetLookup } from './offset-lookup.client.js';
import { PartitionReader } from './partition-reader.client.js';
import { reconnectWait } from '../connection/reconnect.js';

type ReaderConfig = Pick<
  Config,
  | 'KAFKA_FETCH_MAX_WAIT_MS'
  | 'KAFKA_FETCH_MAX_BYTES'
  | 'KAFKA_MAX_PARTITION_FETCH_BYTES'
  | 'KAFKA_METADATA_MAX_AGE_MS'
  | 'KAFKA_RECONNECT_BACKOFF_MAX_MS'
>;

/** While some partitions of a broker are being handled, a fetch for its others must not keep them waiting once they are done (ms). */
const SHORT_WAIT_MS = 20;
/** No fetch while so many times KAFKA_FETCH_MAX_BYTES wait to be handled. */
const FETCHES_WAITING = 4;

const key = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

/**
 * Reads explicit partitions without any group: one fetch at a time for each broker, none for a partition whose records are being handled.
 * What goes wrong with one partition or one broker stays there; a position that the log does not have any more is never jumped over in
 * silence: the first record that is there shows the gap to the listener, and where the log ends before the position, the listener is told
 * that the partition is gone, and asked as for a new one.
 */
export class KafkaReader implements AssignedConsumer {
  readonly #logger: Logger;
  readonly #readers = new Map<string, PartitionReader>();
  /** The last calls about partitions that were let go; what comes after them waits. */
  readonly #ending = new Map<string, Promise<void>>();
  /** Nodes that are asked at the moment, or left alone for a while. */
  readonly #busy = new Map<number, Promise<void>>();
  readonly #failures = new Map<number, { times: number; why: string }>();
  readonly #stop = new AbortController();
  readonly #learning: Promise<void>;
  #wake = (): void => undefined;
  #isWoken = false;
  #generation = 0;
  #tries = 0;
  #homeless = 0;
  #isConnected = false;
  #problem: string | undefined;

  constructor(
    private readonly brokers: Brokers,
    private readonly assignment: PartitionAssignment,
    private readonly config: ReaderConfig,
    private readonly closed: () => void,
  ) {
    this.#logger = new Logger(`kafka ${assignment.group}`);
    this.assign(assignment.partitions);
    this.#learning = this.#learn();
  }

  assign(partitions: readonly TopicPartition[]): void {
    if (this.#stop.signal.aborted) return;
    const wanted = new Map(partitions.map(({ topic, partition }) => [key({ topic, partition }), { topic, partition }]));
    for (const [name, reader] of this.#readers) {
      if (wanted.has(name)) continue;
      this.#readers.delete(name);
      reader.release();
      this.#ending.set(name, reader.quiet);
    }
    for (const [name, at] of wanted) {
      if (this.#readers.has(name)) continue;
      const reader = new PartitionReader(at, this.assignment, this.#nextGeneration(), () => this.#fetchAll(), this.#ending.get(name));
      this.#readers.set(name, reader);
    }
    this.#look();
  }

  #nextGeneration(): number {
    return (this.#generation = Math.max(Date.now(), this.#generation + 1));
  }

  /** Learns who leads the partitions: now and then, and whenever something says that it has changed. */
  async #learn(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#isWoken = false;
      const wait = this.#readers.size > 0 ? await this.#learnLeaders() : this.config.KAFKA_METADATA_MAX_AGE_MS;
      this.#fetchAll();
      await this.#sleep(wait, true);
    }
  }

  #look(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** Answers when to look again (ms). */
  async #learnLeaders(): Promise<number> {
    try {
      const topics = await this.brokers.topics([...new Set([...this.#readers.values()].map(({ at }) => at.topic))]);
      if (this.#problem) this.#logger.log('cluster is reachable again');
      this.#isConnected = true;
      this.#tries = 0;
      this.#problem = undefined;
      const homeless = [...this.#readers.values()].filter((reader) => !this.#settle(reader, topics.get(reader.at.topic)));
      this.#homeless = homeless.length > 0 ? this.#homeless + 1 : 0;
      return homeless.length > 0
        ? backoff(this.#homeless, Math.random(), 500, this.config.KAFKA_METADATA_MAX_AGE_MS)
        : this.config.KAFKA_METADATA_MAX_AGE_MS;
    } catch (error) {
      const wait = reconnectWait(++this.#tries, Math.random(), this.config.KAFKA_RECONNECT_BACKOFF_MAX_MS);
      const why = message(error);
      // Once: what stays the same is in the state.
      if (why !== this.#problem) this.#logger.warn(`${why}; retrying with a backoff of at most ${this.config.KAFKA_RECONNECT_BACKOFF_MAX_MS} ms`);
      this.#problem = why;
      return wait;
    }
  }

  /** Notes where to read the partition. False when nobody leads it, or it does not exist. */
  #settle(reader: PartitionReader, leaders: Leaders | undefined): boolean {
    const leader = leaders?.get(reader.at.partition);
    if (leader === undefined) {
      reader.vanished(leaders ? `${reader.at.topic} has no partition ${reader.at.partition}` : new TocsinError('T7005', reader.at.topic).message);
      return false;
    }
    reader.isKnown = true;
    if (reader.isVanished) reader.renew(this.#nextGeneration(), `${reader.at.topic} was recreated`);
    reader.leader = leader >= 0 ? leader : undefined;
    if (leader < 0) reader.problem = `${key(reader.at)} has no leader`;
    return leader >= 0;
  }

  /** Starts a fetch at every node that has something to be asked for, and is not asked yet. */
  #fetchAll(): void {
    if (this.#stop.signal.aborted || this.#isFull()) return;
    const byNode = new Map<number, PartitionReader[]>();
    for (const reader of this.#readers.values()) {
      if (reader.leader === undefined || this.#busy.has(reader.leader)) continue;
      const own = byNode.get(reader.leader);
      if (own) own.push(reader);
      else byNode.set(reader.leader, [reader]);
    }
    for (const [node, own] of byNode) {
      const wanted = new Map<Wanted, PartitionReader>();
      for (const reader of own) {
        const one = reader.wanted();
        if (one) wanted.set(one, reader);
      }
      if (wanted.size === 0) continue;
      const isQuiet = own.every((reader) => reader.waits) || own.filter((reader) => !reader.waits).length === wanted.size;
      const fetching = this.#fetch(node, wanted, isQuiet ? this.config.KAFKA_FETCH_MAX_WAIT_MS : SHORT_WAIT_MS).then(() => {
        this.#busy.delete(node);
        this.#fetchAll();
      });
      this.#busy.set(node, fetching);
    }
  }

  #isFull(): boolean {
    let bytes = 0;
    for (const reader of this.#readers.values()) bytes += reader.bytes;
    return bytes > FETCHES_WAITING * this.config.KAFKA_FETCH_MAX_BYTES;
  }

  async #fetch(node: number, wanted: ReadonlyMap<Wanted, PartitionReader>, maxWaitMs: number): Promise<void> {
    const limits = { maxWaitMs, bytes: this.config.KAFKA_FETCH_MAX_BYTES, partitionBytes: this.config.KAFKA_MAX_PARTITION_FETCH_BYTES };
    try {
      const all = await this.brokers.fetch(node, shuffled([...wanted.keys()]), limits);
      if (this.#failures.delete(node)) this.#look();
      const found = new Map(all.map((each) => [key(each), each]));
      await Promise.all([...wanted].map(([one, reader]) => this.#take(reader, one, found.get(key(one)))));
    } catch (error) {
      const times = (this.#failures.get(node)?.times ?? 0) + 1;
      const why = message(error);
      this.#failures.set(node, { times, why });
      const wait = reconnectWait(times, Math.random(), this.config.KAFKA_RECONNECT_BACKOFF_MAX_MS);
      this.#logger.debug(`broker ${node}: ${why}; retrying in ${wait} ms`);
      // Its partitions may have a new leader already.
      this.#look();
      await this.#sleep(wait);
    }
  }

  async #take(reader: PartitionReader, wanted: Wanted, fetched: Fetched | undefined): Promise<void> {
    if (!fetched) return;
    const { errorCode, problem } = fetched;
    if (errorCode === OUT_OF_RANGE) return this.#outOfRange(reader, wanted.position);
    if (moved(errorCode)) {
      reader.leader = undefined;
      reader.problem = words(errorCode);
      await this.#sleep(100);
      this.#look();
    } else if (errorCode !== 0 || problem) {
      reader.restart(problem ?? words(errorCode));
    } else {
      reader.accept(wanted, fetched);
    }
  }

  async #outOfRange(reader: PartitionReader, position: number): Promise<void> {
    const { topic, partition } = reader.at;
    const [low, high] = await Promise.all([-2, -1].map((which) => new OffsetLookup(this.brokers).at(topic, which, { partition })));
    const [first, end] = [low!.get(partition)!, high!.get(partition)!];
    if (position < first) {
      this.#logger.warn(`${key(reader.at)}: records ${position} to ${first - 1} were deleted`);
      reader.seek(first);
    } else if (position > end) {
      reader.renew(
        this.#nextGeneration(),
        new TocsinError('T7006', `${key(reader.at)} has log end offset ${end}, but the position is ${position}`).message,
      );
    }
  }

  /** Resolves after `ms`, when the consumer stops, and where `light` when there is something to look at. */
  #sleep(ms: number, light = false): Promise<void> {
    if (this.#stop.signal.aborted || (light && this.#isWoken)) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#stop.signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#stop.signal.addEventListener('abort', done);
      if (light) this.#wake = done;
    });
  }

  state(): ConsumerState {
    const readers = [...this.#readers.values()];
    const leaders = new Set(readers.map(({ leader }) => leader));
    const failing = [...this.#failures].filter(([node]) => leaders.has(node)).map(([, { why }]) => why);
    const problems = new Set([this.#problem, ...failing, ...readers.map(({ problem }) => problem)]);
    problems.delete(undefined);
    const state = {
      group: this.assignment.group,
      topics: [...new Set(readers.map(({ at }) => at.topic))],
      status: this.#status(),
      assigned: readers.map(({ at }) => at),
      paused: readers.filter(({ waits }) => waits).map(({ at }) => at),
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
    await Promise.all([...this.#readers.values()].map((reader) => reader.finish()));
    await Promise.all([...this.#ending.values(), ...this.#busy.values(), this.#learning]);
    await this.brokers.close();
    this.closed();
  }
}

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Whoever stands first in a fetch gets its bytes first: take turns. */
function shuffled<T>(all: T[]): T[] {
  for (let last = all.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [all[last], all[other]] = [all[other]!, all[last]!];
  }
  return all;
}
