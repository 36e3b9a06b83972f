import { Logger } from '@nestjs/common';
import kafkajs, { type EachBatchPayload, type Kafka } from 'kafkajs';
import { backoff } from '../../../shared/retry.js';
import type { ConsumerState, GroupConsumer, LogRecord, Rebalance, Subscription, TopicPartition } from '../../event-log.js';
import { settlesWithin } from '../../../shared/wait.js';
import { Generation } from './generation.js';
import { KafkaGroupMember, type GroupMemberConfig } from './group-member.client.js';
import { OffsetCommitter } from './offset-committer.client.js';
import { toLogRecord } from '../protocol/log-record.js';
import { RebalanceStall } from './rebalance-stall.js';
import { messageOf } from '../../../shared/error-message.js';

/** Names of groups and topics on the cluster. */
export interface ClusterNaming {
  groupId(group: string): string;
  physical(topic: string): string;
  logical(physical: string): string;
}

/** A subscription whose topics may change: `refreshTopics` is called before each JoinGroup. It does not reject. */
export type DynamicSubscription = Subscription & { readonly refreshTopics?: () => Promise<readonly string[]> };

interface AssignedPartition {
  readonly at: TopicPartition;
  generation: Generation;
  /** The listener has returned the start offset. */
  ready: boolean;
  pausedByCommand: boolean;
  failures: number;
  retry: NodeJS.Timeout | undefined;
  starting: Promise<void>;
}

/** Time limit for the listener's start offsets before the first fetch of a generation, so that it covers all partitions (ms). */
const START_TIMEOUT_MS = 1000;

const partitionKey = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

/**
 * A consumer group member. Errors of the listener never reach kafkajs, which would restart the consumer:
 * a failing partition is paused, and after a backoff the listener is asked for the start offset again.
 */
export class KafkaConsumer implements GroupConsumer {
  readonly #logger: Logger;
  readonly #partitions = new Map<string, AssignedPartition>();
  readonly #member: KafkaGroupMember;
  readonly #commits: OffsetCommitter;
  readonly #stall = new RebalanceStall();
  #generation: Generation;
  #rebalance: (Rebalance & { count: number }) | undefined;
  #topics: readonly string[];

  constructor(
    kafka: Kafka,
    private readonly subscription: DynamicSubscription,
    private readonly config: GroupMemberConfig,
    private readonly names: ClusterNaming,
  ) {
    const { group, topics, commits = { every: 'batch' }, observer } = subscription;
    this.#logger = new Logger(`kafka ${group}`);
    this.#topics = topics;
    this.#generation = new Generation(-1, 0);
    this.#generation.end('not joined yet');
    this.#member = new KafkaGroupMember(this.#logger, kafka, names.groupId(group), config, {
      topics: () => this.#currentTopics(),
      owned: () => ({ generation: this.#generation.id, partitions: [...this.#partitions.values()].map(({ at }) => this.#physical(at)) }),
      interrupted: (reason) => this.#interrupted(reason),
      beforeRejoin: () => this.#beforeRejoin(),
      assigned: (partitions, generation) => this.#assigned(partitions, generation),
      ready: () => this.#ready(),
      batch: (payload) => this.#eachBatch(payload),
      polled: (ms) => observer?.polled(ms),
    });
    const send = (all: Parameters<KafkaGroupMember['commit']>[0]): Promise<void> =>
      this.#member.commit(all.map((commit) => ({ ...commit, ...this.#physical(commit) })));
    this.#commits = new OffsetCommitter(this.#logger, commits, send, observer);
  }

  start(): void {
    this.#member.start();
  }

  /** Rejoins with these topics as the same member. */
  updateSubscription(topics: readonly string[]): void {
    this.#member.updateSubscription(topics.map((topic) => this.names.physical(topic)));
  }

  async #currentTopics(): Promise<readonly string[]> {
    this.#topics = (await this.subscription.refreshTopics?.()) ?? this.#topics;
    return this.#topics.map((topic) => this.names.physical(topic));
  }

  #physical({ topic, partition }: TopicPartition): TopicPartition {
    return { topic: this.names.physical(topic), partition };
  }

  /** A fraction of the session timeout, so that the member is not expelled while it finishes its work. */
  get #drainMs(): number {
    return Math.min(this.config.KAFKA_REBALANCE_DRAIN_MS, this.config.KAFKA_SESSION_TIMEOUT_MS / 4);
  }

  #interrupted(reason: unknown): void {
    if (this.#partitions.size > 0) this.#stall.stopped(Date.now());
    this.#generation.end(reason);
    for (const assigned of this.#partitions.values()) assigned.ready = false;
  }

  /** Waits for running batches, lets the listener store its state, and flushes commits, each with a time limit. */
  async #beforeRejoin(): Promise<void> {
    await this.#generation.settled();
    const { listener } = this.subscription;
    const assigned = [...this.#partitions.values()];
    await settlesWithin(this.#drainMs, Promise.allSettled(assigned.map(async ({ at }) => listener.releasing?.(at))));
    await settlesWithin(this.#drainMs, this.#commits.flush());
  }

  #assigned(partitions: readonly TopicPartition[], number: number): void {
    const generation = (this.#generation = new Generation(number, this.#drainMs));
    const partitionsByKey = new Map(
      partitions.map(({ topic, partition }) => ({ topic: this.names.logical(topic), partition })).map((at) => [partitionKey(at), at]),
    );
    const before = this.#partitions.size;
    for (const [key, assigned] of this.#partitions) if (!partitionsByKey.has(key)) this.#revoke(key, assigned);
    const kept = this.#partitions.size;
    for (const [key, at] of partitionsByKey) {
      const assigned: AssignedPartition = this.#partitions.get(key) ?? this.#newPartition(at, generation);
      this.#partitions.set(key, assigned);
      assigned.generation = generation;
      assigned.ready = false;
      this.#member.pause([this.#physical(at)]);
      assigned.starting = this.#startPartition(assigned, generation);
    }
    const rebalance = { at: Date.now(), kept, gained: partitionsByKey.size - kept, lost: before - kept };
    this.#rebalance = { ...rebalance, count: (this.#rebalance?.count ?? 0) + 1 };
    this.subscription.observer?.rebalanced(rebalance);
  }

  #newPartition(at: TopicPartition, generation: Generation): AssignedPartition {
    return { at, generation, ready: false, pausedByCommand: false, failures: 0, retry: undefined, starting: Promise.resolve() };
  }

  async #ready(): Promise<void> {
    const generation = this.#generation;
    const started = Promise.all([...this.#partitions.values()].map(({ starting }) => starting)).then(() => {
      if (generation.endReason === undefined) this.#stall.ready(Date.now());
    });
    // Without any batch by then, no record was waiting.
    setTimeout(
      () => generation.isBusy || generation.endReason !== undefined || this.#reportStall(this.#stall.idle()),
      START_TIMEOUT_MS + 2 * this.config.KAFKA_FETCH_MAX_WAIT_MS,
    ).unref();
    await settlesWithin(START_TIMEOUT_MS, started);
  }

  #reportStall(ms: number | undefined): void {
    if (ms !== undefined) this.subscription.observer?.stalled(ms);
  }

  #revoke(key: string, assigned: AssignedPartition): void {
    clearTimeout(assigned.retry);
    assigned.ready = false;
    this.#partitions.delete(key);
    this.#commits.remove(assigned.at);
    this.subscription.listener.revoked(assigned.at);
  }

  /** Requests the start offset from the listener, then resumes the partition. */
  async #startPartition(assigned: AssignedPartition, generation: Generation): Promise<void> {
    clearTimeout(assigned.retry);
    const current = (): boolean =>
      assigned.generation === generation && generation.endReason === undefined && this.#partitions.get(partitionKey(assigned.at)) === assigned;
    try {
      const position = await this.subscription.listener.assigned(assigned.at, generation.id);
      if (!current()) return;
      if (typeof position !== 'number') return this.#retryLater(assigned, generation, position.why);
      this.#member.seek(this.#physical(assigned.at), position);
      assigned.ready = true;
      if (!assigned.pausedByCommand) this.#member.resume(this.#physical(assigned.at));
    } catch (error) {
      if (current()) this.#retryLater(assigned, generation, error);
    }
  }

  #retryLater(assigned: AssignedPartition, generation: Generation, error: unknown): void {
    assigned.ready = false;
    clearTimeout(assigned.retry);
    // The next owner starts the partition anyway.
    if (generation.endReason !== undefined) return;
    const wait = backoff(++assigned.failures, Math.random());
    this.#logger.debug(`${partitionKey(assigned.at)} retries in ${wait} ms: ${messageOf(error)}`);
    assigned.retry = setTimeout(() => void this.#startPartition(assigned, generation), wait);
  }

  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    const { batch, isRunning, isStale } = payload;
    const assigned = this.#partitions.get(`${this.names.logical(batch.topic)}/${batch.partition}`);
    if (!assigned) return;
    const { generation } = assigned;
    const isCurrent = (): boolean =>
      isRunning() && !isStale() && assigned.ready && assigned.generation === generation && generation.endReason === undefined;
    const maxRecords = this.subscription.maxRecords;
    // kafkajs sends no heartbeats during eachBatch.
    const heartbeats = setInterval(() => void ignoreKafkaErrors(payload.heartbeat()), Math.max(50, this.config.KAFKA_HEARTBEAT_INTERVAL_MS / 2));
    try {
      for (let start = 0; start < batch.messages.length && isCurrent(); start += maxRecords) {
        const records = batch.messages.slice(start, start + maxRecords).map(toLogRecord);
        if (!(await this.#handleBatch(assigned, records, payload))) return;
        await ignoreKafkaErrors(payload.heartbeat());
      }
    } finally {
      clearInterval(heartbeats);
    }
  }

  /** Passes a batch to the listener. False when it failed or was abandoned; the partition then waits for a restart. */
  async #handleBatch(assigned: AssignedPartition, records: readonly LogRecord[], payload: EachBatchPayload): Promise<boolean> {
    const { generation } = assigned;
    const highWatermark = Number(payload.batch.highWatermark);
    const control = {
      heartbeat: () => ignoreKafkaErrors(payload.heartbeat()),
      commit: (next: number) => Promise.resolve(this.#recordCommit(assigned, next, records.length)),
    };
    try {
      const work = this.subscription.listener.batch({ ...assigned.at, records, highWatermark }, control);
      if (!(await generation.run(work))) {
        this.#logger.warn(`${partitionKey(assigned.at)} at ${records[0]!.offset}: batch abandoned because it exceeded the rebalance drain time`);
        return false;
      }
      const deferral = await work;
      if (deferral) return this.#notHandled(assigned, generation, deferral.why);
    } catch (error) {
      return this.#notHandled(assigned, generation, error);
    }
    assigned.failures = 0;
    // A batch from before the stall is not progress after it.
    if (generation.endReason === undefined) this.#reportStall(this.#stall.handled(records[0]!.timestamp, Date.now()));
    payload.resolveOffset(String(records.at(-1)!.offset));
    return true;
  }

  /** The same records are redelivered after a backoff, unless a rebalance is under way. */
  #notHandled(assigned: AssignedPartition, generation: Generation, why: unknown): false {
    if (assigned.generation !== generation) return false;
    this.#member.pause([this.#physical(assigned.at)]);
    this.#retryLater(assigned, generation, why);
    return false;
  }

  /** Commits only for an assigned partition: the broker would accept a commit for a partition of another member. */
  #recordCommit(assigned: AssignedPartition, next: number, records: number): void {
    if (this.#partitions.get(partitionKey(assigned.at)) === assigned) this.#commits.add(assigned.at, next, records);
  }

  commit(at: TopicPartition, next: number): void {
    const assigned = this.#partitions.get(partitionKey(at));
    if (assigned) this.#recordCommit(assigned, next, 0);
  }

  state(): ConsumerState {
    const assigned = [...this.#partitions.values()];
    const { status, problem } = this.#member;
    return {
      group: this.subscription.group,
      topics: this.#topics,
      status,
      assigned: assigned.map(({ at }) => at),
      paused: assigned.filter(({ ready, pausedByCommand }) => !ready || pausedByCommand).map(({ at }) => at),
      ...(this.#rebalance && { rebalance: this.#rebalance }),
      ...(problem && { problem }),
    };
  }

  pause(at: TopicPartition): void {
    this.#assignedPartition(at).pausedByCommand = true;
    this.#member.pause([this.#physical(at)]);
  }

  resume(at: TopicPartition): void {
    const assigned = this.#assignedPartition(at);
    assigned.pausedByCommand = false;
    if (assigned.ready) this.#member.resume(this.#physical(at));
  }

  seek(at: TopicPartition, offset: number): void {
    this.#assignedPartition(at);
    this.#member.seek(this.#physical(at), offset);
  }

  restart(at: TopicPartition): void {
    const assigned = this.#assignedPartition(at);
    this.#member.pause([this.#physical(at)]);
    this.#retryLater(assigned, assigned.generation, new Error('restart'));
  }

  #assignedPartition(at: TopicPartition): AssignedPartition {
    const assigned = this.#partitions.get(partitionKey(at));
    if (!assigned) throw new Error(`${partitionKey(at)} is not assigned`);
    return assigned;
  }

  async stop(): Promise<void> {
    this.#member.stop();
    this.#member.pause([...this.#partitions.values()].map(({ at }) => this.#physical(at)));
    // The rest of the time is for LeaveGroup: without it the group waits for the session timeout.
    if (!(await settlesWithin(this.config.SHUTDOWN_MS / 2, this.#beforeRejoin()))) this.#generation.abandon();
    this.#commits.close();
    await this.#member.leave();
    for (const [key, assigned] of this.#partitions) this.#revoke(key, assigned);
  }
}

/** A failed heartbeat is handled by the member and must not fail the batch. */
async function ignoreKafkaErrors(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof kafkajs.KafkaJSError)) throw error;
  }
}
