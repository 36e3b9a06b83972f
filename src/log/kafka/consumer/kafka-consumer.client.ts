import { Logger } from '@nestjs/common';
import kafkajs, { type EachBatchPayload, type Kafka } from 'kafkajs';
import { backoff } from '../../../shared/retry.js';
import type { ConsumerState, GroupConsumer, LogRecord, Rebalance, Subscription, TopicPartition } from '../../event-log.js';
import { Generation, within } from './generation.js';
import { KafkaMember, type MemberConfig } from './group-member.client.js';
import { OffsetCommits } from './offset-commits.client.js';
import { logRecord } from '../protocol/records.js';
import { Stall } from './stall.js';

/** How groups and topics are called on the cluster. */
export interface Names {
  groupId(group: string): string;
  physical(topic: string): string;
  logical(physical: string): string;
}

/** A subscription whose topics come and go: before each request to join it is asked for those that there are. Does not reject. */
export type OpenSubscription = Subscription & { readonly look?: () => Promise<readonly string[]> };

interface Lane {
  readonly at: TopicPartition;
  generation: Generation;
  /** The listener has claimed the partition and said where to start. */
  ready: boolean;
  pausedByCommand: boolean;
  failures: number;
  retry: NodeJS.Timeout | undefined;
  claiming: Promise<void>;
}

/** The first fetch of a generation waits so long for the listener, so that it asks for all partitions (ms). */
const PREPARE_MS = 1000;

const name = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

/**
 * A consumer group member. No error of ours is ever thrown into kafkajs, which would count it against the life of the consumer;
 * a failing partition is paused, claimed again after a backoff, and goes on from where the listener says.
 */
export class KafkaConsumer implements GroupConsumer {
  readonly #logger: Logger;
  readonly #lanes = new Map<string, Lane>();
  readonly #member: KafkaMember;
  readonly #commits: OffsetCommits;
  readonly #stall = new Stall();
  #generation: Generation;
  #rebalance: (Rebalance & { count: number }) | undefined;
  #topics: readonly string[];

  constructor(
    kafka: Kafka,
    private readonly subscription: OpenSubscription,
    private readonly config: MemberConfig,
    private readonly names: Names,
  ) {
    const { group, topics, commits = { every: 'batch' }, observer } = subscription;
    this.#logger = new Logger(`kafka ${group}`);
    this.#topics = topics;
    this.#generation = new Generation(-1, 0);
    this.#generation.end('not joined yet');
    this.#member = new KafkaMember(this.#logger, kafka, names.groupId(group), config, {
      topics: () => this.#look(),
      owned: () => ({ generation: this.#generation.number, partitions: [...this.#lanes.values()].map(({ at }) => this.#physical(at)) }),
      interrupted: (why) => this.#interrupted(why),
      handOver: () => this.#handOver(),
      assigned: (partitions, generation) => this.#assigned(partitions, generation),
      prepared: () => this.#prepared(),
      batch: (payload) => this.#eachBatch(payload),
      polled: (ms) => observer?.polled(ms),
    });
    const send = (all: Parameters<KafkaMember['commit']>[0]): Promise<void> =>
      this.#member.commit(all.map((commit) => ({ ...commit, ...this.#physical(commit) })));
    this.#commits = new OffsetCommits(this.#logger, commits, send, observer);
  }

  start(): void {
    this.#member.start();
  }

  /** Joins anew, as the same member, because of these topics. */
  follow(topics: readonly string[]): void {
    this.#member.follow(topics.map((topic) => this.names.physical(topic)));
  }

  async #look(): Promise<readonly string[]> {
    this.#topics = (await this.subscription.look?.()) ?? this.#topics;
    return this.#topics.map((topic) => this.names.physical(topic));
  }

  #physical({ topic, partition }: TopicPartition): TopicPartition {
    return { topic: this.names.physical(topic), partition };
  }

  /** A share of the session, so that the group does not lose us over what we still want to do. */
  get #handoverMs(): number {
    return Math.min(this.config.KAFKA_REBALANCE_DRAIN_MS, this.config.KAFKA_SESSION_TIMEOUT_MS / 4);
  }

  #interrupted(why: unknown): void {
    if (this.#lanes.size > 0) this.#stall.stopped(Date.now());
    this.#generation.end(why);
    for (const lane of this.#lanes.values()) lane.ready = false;
  }

  /** What runs may end, what waits is stored, the broker is told: each for a while, none for ever. */
  async #handOver(): Promise<void> {
    await this.#generation.settled();
    const { listener } = this.subscription;
    const lanes = [...this.#lanes.values()];
    await within(this.#handoverMs, Promise.allSettled(lanes.map(async ({ at }) => listener.releasing?.(at))));
    await within(this.#handoverMs, this.#commits.flush());
  }

  #assigned(partitions: readonly TopicPartition[], number: number): void {
    const generation = (this.#generation = new Generation(number, this.#handoverMs));
    const ours = new Map(partitions.map(({ topic, partition }) => ({ topic: this.names.logical(topic), partition })).map((at) => [name(at), at]));
    const before = this.#lanes.size;
    for (const [key, lane] of this.#lanes) if (!ours.has(key)) this.#release(key, lane);
    const kept = this.#lanes.size;
    for (const [key, at] of ours) {
      const lane: Lane = this.#lanes.get(key) ?? this.#lane(at, generation);
      this.#lanes.set(key, lane);
      lane.generation = generation;
      lane.ready = false;
      this.#member.pause([this.#physical(at)]);
      lane.claiming = this.#claim(lane, generation);
    }
    const rebalance = { at: Date.now(), kept, gained: ours.size - kept, lost: before - kept };
    this.#rebalance = { ...rebalance, count: (this.#rebalance?.count ?? 0) + 1 };
    this.subscription.observer?.rebalanced(rebalance);
  }

  #lane(at: TopicPartition, generation: Generation): Lane {
    return { at, generation, ready: false, pausedByCommand: false, failures: 0, retry: undefined, claiming: Promise.resolve() };
  }

  async #prepared(): Promise<void> {
    const generation = this.#generation;
    const claimed = Promise.all([...this.#lanes.values()].map(({ claiming }) => claiming)).then(() => {
      if (generation.over === undefined) this.#stall.ready(Date.now());
    });
    // Whoever has got nothing by then had nothing to wait for.
    setTimeout(
      () => generation.busy || generation.over !== undefined || this.#stalled(this.#stall.idle()),
      PREPARE_MS + 2 * this.config.KAFKA_FETCH_MAX_WAIT_MS,
    ).unref();
    await within(PREPARE_MS, claimed);
  }

  #stalled(ms: number | undefined): void {
    if (ms !== undefined) this.subscription.observer?.stalled(ms);
  }

  #release(key: string, lane: Lane): void {
    clearTimeout(lane.retry);
    lane.ready = false;
    this.#lanes.delete(key);
    this.#commits.forget(lane.at);
    this.subscription.listener.revoked(lane.at);
  }

  /** Asks the listener where to start, then lets the partition flow. */
  async #claim(lane: Lane, generation: Generation): Promise<void> {
    clearTimeout(lane.retry);
    const current = (): boolean => lane.generation === generation && generation.over === undefined && this.#lanes.get(name(lane.at)) === lane;
    try {
      const position = await this.subscription.listener.assigned(lane.at, generation.number);
      if (!current()) return;
      this.#member.seek(this.#physical(lane.at), position);
      lane.ready = true;
      if (!lane.pausedByCommand) this.#member.resume(this.#physical(lane.at));
    } catch (error) {
      if (current()) this.#later(lane, generation, error);
    }
  }

  #later(lane: Lane, generation: Generation, error: unknown): void {
    lane.ready = false;
    clearTimeout(lane.retry);
    // Whoever gets the partition next claims it anyway.
    if (generation.over !== undefined) return;
    const wait = backoff(++lane.failures, Math.random());
    this.#logger.debug(`${name(lane.at)} retries in ${wait} ms: ${error instanceof Error ? error.message : String(error)}`);
    lane.retry = setTimeout(() => void this.#claim(lane, generation), wait);
  }

  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    const { batch, isRunning, isStale } = payload;
    const lane = this.#lanes.get(`${this.names.logical(batch.topic)}/${batch.partition}`);
    if (!lane) return;
    const { generation } = lane;
    const goesOn = (): boolean => isRunning() && !isStale() && lane.ready && lane.generation === generation && generation.over === undefined;
    const most = this.subscription.maxRecords;
    // kafkajs has no heartbeat of its own while a batch is handled.
    const beat = setInterval(() => void quietly(payload.heartbeat()), Math.max(50, this.config.KAFKA_HEARTBEAT_INTERVAL_MS / 2));
    try {
      for (let start = 0; start < batch.messages.length && goesOn(); start += most) {
        const records = batch.messages.slice(start, start + most).map(logRecord);
        if (!(await this.#handled(lane, records, payload))) return;
        await quietly(payload.heartbeat());
      }
    } finally {
      clearInterval(beat);
    }
  }

  /** Hands a batch to the listener. False when it was refused or given up; then the partition does not go on by itself. */
  async #handled(lane: Lane, records: readonly LogRecord[], payload: EachBatchPayload): Promise<boolean> {
    const { generation } = lane;
    const highWatermark = Number(payload.batch.highWatermark);
    const control = {
      heartbeat: () => quietly(payload.heartbeat()),
      commit: (next: number) => Promise.resolve(this.#note(lane, next, records.length)),
    };
    try {
      const work = this.subscription.listener.batch({ ...lane.at, records, highWatermark }, control);
      if (!(await generation.run(work))) {
        this.#logger.warn(`${name(lane.at)} at ${records[0]!.offset}: batch abandoned because it exceeded the rebalance drain time`);
        return false;
      }
    } catch (error) {
      if (lane.generation !== generation) return false;
      this.#member.pause([this.#physical(lane.at)]);
      this.#later(lane, generation, error);
      return false;
    }
    lane.failures = 0;
    // What was under way when everything stopped is not what was waiting.
    if (generation.over === undefined) this.#stalled(this.#stall.handled(records[0]!.timestamp, Date.now()));
    payload.resolveOffset(String(records.at(-1)!.offset));
    return true;
  }

  /** Only the lane that is still ours: a commit for somebody else's partition would be believed. */
  #note(lane: Lane, next: number, records: number): void {
    if (this.#lanes.get(name(lane.at)) === lane) this.#commits.note(lane.at, next, records);
  }

  commit(at: TopicPartition, next: number): void {
    const lane = this.#lanes.get(name(at));
    if (lane) this.#note(lane, next, 0);
  }

  state(): ConsumerState {
    const lanes = [...this.#lanes.values()];
    const { status, problem } = this.#member;
    return {
      group: this.subscription.group,
      topics: this.#topics,
      status,
      assigned: lanes.map(({ at }) => at),
      paused: lanes.filter(({ ready, pausedByCommand }) => !ready || pausedByCommand).map(({ at }) => at),
      ...(this.#rebalance && { rebalance: this.#rebalance }),
      ...(problem && { problem }),
    };
  }

  pause(at: TopicPartition): void {
    this.#ours(at).pausedByCommand = true;
    this.#member.pause([this.#physical(at)]);
  }

  resume(at: TopicPartition): void {
    const lane = this.#ours(at);
    lane.pausedByCommand = false;
    if (lane.ready) this.#member.resume(this.#physical(at));
  }

  seek(at: TopicPartition, offset: number): void {
    this.#ours(at);
    this.#member.seek(this.#physical(at), offset);
  }

  restart(at: TopicPartition): void {
    const lane = this.#ours(at);
    this.#member.pause([this.#physical(at)]);
    this.#later(lane, lane.generation, new Error('restart'));
  }

  #ours(at: TopicPartition): Lane {
    const lane = this.#lanes.get(name(at));
    if (!lane) throw new Error(`${name(at)} is not assigned`);
    return lane;
  }

  async stop(): Promise<void> {
    this.#member.stop();
    this.#member.pause([...this.#lanes.values()].map(({ at }) => this.#physical(at)));
    // The rest of the time is for leaving: who goes without a word keeps the others waiting for a whole session.
    if (!(await within(this.config.SHUTDOWN_MS / 2, this.#handOver()))) this.#generation.giveUp();
    this.#commits.close();
    await this.#member.leave();
    for (const [key, lane] of this.#lanes) this.#release(key, lane);
  }
}

/** A heartbeat that fails is noticed by the member: it may not fail a batch. */
async function quietly(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof kafkajs.KafkaJSError)) throw error;
  }
}
