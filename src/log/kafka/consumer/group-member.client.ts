import type { Logger } from '@nestjs/common';
import kafkajs, { type Consumer, type ConsumerCrashEvent, type EachBatchPayload, type Kafka } from 'kafkajs';
import type { Config } from '../../../config.js';
import { backoff } from '../../../shared/retry.js';
import type { ConsumerState, TopicPartition } from '../../event-log.js';
import type { OffsetCommit } from './pending-commits.js';
import { settlesWithin } from '../../../shared/wait.js';
import { leaveGroup } from './leave-group.js';
import { type OwnedPartitions, partitionAssigners } from './partition-assigners.client.js';
import type { MembershipHooks } from '../protocol/kafkajs-patches.client.js';
import { dropOtherTopics, resubscribe, type SubscribedMember } from './resubscribe.js';
import { messageOf } from '../../../shared/error-message.js';

export type GroupMemberConfig = Pick<
  Config,
  | 'KAFKA_SESSION_TIMEOUT_MS'
  | 'KAFKA_HEARTBEAT_INTERVAL_MS'
  | 'KAFKA_REBALANCE_DRAIN_MS'
  | 'KAFKA_ASSIGNER'
  | 'KAFKA_FETCH_MAX_WAIT_MS'
  | 'KAFKA_METADATA_MAX_AGE_MS'
  | 'KAFKA_FETCH_MIN_BYTES'
  | 'KAFKA_FETCH_MAX_BYTES'
  | 'KAFKA_MAX_PARTITION_FETCH_BYTES'
  | 'SHUTDOWN_MS'
>;

/** Callbacks of a member; partitions carry physical topic names. */
export interface GroupMemberCallbacks {
  /** Topics to subscribe to; called before each JoinGroup. Does not reject. */
  topics(): Promise<readonly string[]>;
  /** The partitions of the latest generation. */
  owned(): OwnedPartitions;
  /** No batch may be processed until the next `assigned`. */
  interrupted(reason: unknown): void;
  /** Called before JoinGroup: finishes or abandons running work. */
  beforeRejoin(): Promise<void>;
  /** Called before the first fetch of a generation. */
  assigned(partitions: readonly TopicPartition[], generation: number): void;
  /** Delays the first fetch of a generation. */
  ready(): Promise<void>;
  batch(payload: EachBatchPayload): Promise<void>;
  /** Milliseconds between two fetches. */
  polled(ms: number): void;
}

/** Errors of a heartbeat or a commit that end the membership in the generation. */
const REJOIN_ERRORS: ReadonlySet<unknown> = new Set([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'NOT_COORDINATOR_FOR_GROUP',
  'FENCED_INSTANCE_ID',
]);

/** An error that makes kafkajs rejoin without counting as a failure of the consumer. */
const rejoinErrorOf = (reason: string): Error => Object.assign(new kafkajs.KafkaJSError(reason), { type: 'REBALANCE_IN_PROGRESS' });

/** A member of a consumer group on kafkajs that recovers from every failure: after a crash it is recreated with backoff. */
export class KafkaGroupMember {
  status: ConsumerState['status'] = 'connecting';
  problem: string | undefined;
  #consumer: Consumer | undefined;
  #group: SubscribedMember | undefined;
  /** kafkajs has the assignment, so pause and seek work. */
  #hasAssignment = false;
  #joining = false;
  /** The last JoinGroup used an outdated topic list. */
  #isSubscriptionOutdated = false;
  #rejoinReason: Error | undefined;
  #restarts = 0;
  #restartTimer: NodeJS.Timeout | undefined;
  #starting: Promise<void> = Promise.resolve();

  constructor(
    private readonly logger: Logger,
    private readonly kafka: Kafka,
    private readonly groupId: string,
    private readonly config: GroupMemberConfig,
    private readonly callbacks: GroupMemberCallbacks,
  ) {}

  start(): void {
    this.#starting = this.#connectAndRun();
  }

  /** Changes the topics: rejoins as the same member, so that a sticky assignment stays. */
  updateSubscription(topics: readonly string[]): void {
    if (this.status === 'stopped') return;
    this.#isSubscriptionOutdated = true;
    if (!this.#group) return this.#restart();
    dropOtherTopics(this.#group, topics);
    if (this.#hasAssignment && !this.#joining) this.#rejoin(rejoinErrorOf('subscription changed'));
  }

  /** A member that never sent JoinGroup need not leave. */
  #restart(): void {
    clearTimeout(this.#restartTimer);
    if (this.#consumer) this.#discard(this.#consumer);
    this.start();
  }

  async #connectAndRun(): Promise<void> {
    const consumer = this.#createConsumer(() => consumer);
    this.#consumer = consumer;
    this.#listen(consumer);
    try {
      await consumer.connect();
      // An offset out of range must never skip to the end; the listener decides where to start.
      await consumer.subscribe({ topics: [...(await this.callbacks.topics())], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: 4,
        eachBatch: (payload) => this.#batch(consumer, payload),
      });
    } catch (error) {
      this.#restartLater(consumer, error);
    }
  }

  #createConsumer(consumer: () => Consumer): Consumer {
    const { config, callbacks } = this;
    return this.kafka.consumer({
      groupId: this.groupId,
      partitionAssigners: partitionAssigners(config.KAFKA_ASSIGNER, () => callbacks.owned(), this.#membershipHooks(consumer)),
      sessionTimeout: config.KAFKA_SESSION_TIMEOUT_MS,
      rebalanceTimeout: Math.max(60_000, config.KAFKA_SESSION_TIMEOUT_MS),
      heartbeatInterval: config.KAFKA_HEARTBEAT_INTERVAL_MS,
      maxWaitTimeInMs: config.KAFKA_FETCH_MAX_WAIT_MS,
      // The group leader assigns new partitions of a topic once its metadata shows them.
      metadataMaxAge: config.KAFKA_METADATA_MAX_AGE_MS,
      minBytes: config.KAFKA_FETCH_MIN_BYTES,
      maxBytes: config.KAFKA_FETCH_MAX_BYTES,
      maxBytesPerPartition: config.KAFKA_MAX_PARTITION_FETCH_BYTES,
      readUncommitted: false,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 300, maxRetryTime: 5000, retries: 10, restartOnFailure: () => Promise.resolve(true) },
    });
  }

  #membershipHooks(consumer: () => Consumer): MembershipHooks {
    const isCurrent = (): boolean => this.status !== 'stopped' && consumer() === this.#consumer;
    const rejoinReason = (): Error | undefined => (isCurrent() ? this.#rejoinReason : undefined);
    return {
      beforeJoin: async (group) => {
        // The object is kafkajs' complete group member.
        if (isCurrent()) await this.#prepareJoin(group as SubscribedMember);
        if (!isCurrent()) throw new kafkajs.KafkaJSNonRetriableError('the member is being stopped');
      },
      afterJoin: () => (isCurrent() ? this.callbacks.ready() : Promise.resolve()),
      onRejected: (error) => {
        if (isCurrent() && error instanceof Error && REJOIN_ERRORS.has((error as { type?: unknown }).type)) this.#rejoin(error);
      },
      get rejoinError() {
        return rejoinReason();
      },
    };
  }

  async #prepareJoin(group: SubscribedMember): Promise<void> {
    this.#group = group;
    this.#joining = true;
    this.#rejoinReason ??= rejoinErrorOf('rejoining the group');
    this.callbacks.interrupted(this.#rejoinReason);
    await this.callbacks.beforeRejoin();
    this.#isSubscriptionOutdated = false;
    await resubscribe(group, await this.callbacks.topics());
  }

  #rejoin(error: Error): void {
    this.#rejoinReason ??= error;
    this.status = 'rebalancing';
    this.callbacks.interrupted(error);
  }

  #listen(consumer: Consumer): void {
    const fetches = new Map<number, number>();
    const { GROUP_JOIN, REBALANCING, CRASH, STOP, FETCH_START } = consumer.events;
    consumer.on(GROUP_JOIN, ({ payload }) => consumer === this.#consumer && this.#assigned(payload.memberAssignment));
    consumer.on(REBALANCING, () => consumer === this.#consumer && this.#rejoin(rejoinErrorOf('group is rebalancing')));
    consumer.on(CRASH, ({ payload }) => consumer === this.#consumer && this.#handleCrash(consumer, payload));
    consumer.on(STOP, () => consumer === this.#consumer && (this.#hasAssignment = false));
    consumer.on(FETCH_START, ({ payload: { nodeId } }) => {
      const [before, now] = [fetches.get(nodeId), performance.now()];
      fetches.set(nodeId, now);
      if (before !== undefined) this.callbacks.polled(now - before);
    });
  }

  #assigned(assignment: Readonly<Record<string, readonly number[]>>): void {
    this.#joining = false;
    if (this.status === 'stopped') return;
    this.status = 'running';
    this.problem = undefined;
    this.#rejoinReason = undefined;
    this.#restarts = 0;
    this.#hasAssignment = true;
    const partitions = Object.entries(assignment).flatMap(([topic, all]) => all.map((partition) => ({ topic, partition })));
    this.callbacks.assigned(partitions, this.#group?.generationId ?? 0);
    if (this.#isSubscriptionOutdated) this.#rejoin(rejoinErrorOf('subscription changed'));
  }

  /** After a rejected request no further batch is processed: kafkajs must rejoin first. */
  async #batch(consumer: Consumer, payload: EachBatchPayload): Promise<void> {
    if (consumer !== this.#consumer) return;
    if (!this.#rejoinReason) await this.callbacks.batch(payload);
    if (this.#rejoinReason && this.status !== 'stopped') throw this.#rejoinReason;
  }

  #handleCrash(consumer: Consumer, { error, restart }: ConsumerCrashEvent['payload']): void {
    this.#hasAssignment = false;
    this.#joining = false;
    this.callbacks.interrupted(error);
    if (this.status === 'stopped') return;
    this.status = 'crashed';
    this.problem = error.message;
    this.logger.warn(`crashed: ${error.message}${restart ? '; restarting' : '; recreating the member'}`);
    this.#leaveAfterCrash();
    if (!restart) this.#restartLater(consumer, error);
  }

  /** A crashed kafkajs consumer sends no LeaveGroup; the group would wait for the session timeout of the old member. */
  #leaveAfterCrash(): void {
    const { memberId } = this.#group ?? {};
    if (memberId) leaveGroup(this.kafka, this.groupId, memberId).catch(() => undefined);
  }

  #restartLater(consumer: Consumer, error: unknown): void {
    if (this.status === 'stopped' || this.#consumer !== consumer) return;
    this.problem = messageOf(error);
    this.#discard(consumer);
    const wait = backoff(++this.#restarts, Math.random(), 200, 10_000);
    this.logger.warn(`cannot consume: ${this.problem}; retrying in ${wait} ms`);
    this.#restartTimer = setTimeout(() => this.start(), wait);
  }

  #discard(consumer: Consumer): void {
    this.#consumer = undefined;
    this.#group = undefined;
    this.#hasAssignment = false;
    consumer.disconnect().catch(() => undefined);
  }

  pause(partitions: readonly TopicPartition[]): void {
    if (this.#hasAssignment) this.#consumer?.pause(partitions.map(({ topic, partition }) => ({ topic, partitions: [partition] })));
  }

  resume({ topic, partition }: TopicPartition): void {
    if (this.#hasAssignment) this.#consumer?.resume([{ topic, partitions: [partition] }]);
  }

  seek({ topic, partition }: TopicPartition, offset: number): void {
    if (this.#hasAssignment) this.#consumer?.seek({ topic, partition, offset: String(offset) });
  }

  /** Rejects when the broker rejects the commit, or without an assignment. */
  async commit(commits: readonly OffsetCommit[]): Promise<void> {
    if (!this.#group || !this.#hasAssignment) throw new Error('not a member of the group');
    await this.#group.commitOffsets({
      topics: commits.map(({ topic, partition, next }) => ({ topic, partitions: [{ partition, offset: String(next) }] })),
    });
  }

  /** Stops processing and joining; `leave` does the rest. */
  stop(): void {
    this.status = 'stopped';
    clearTimeout(this.#restartTimer);
    this.callbacks.interrupted('stopped');
  }

  /** Leaves the group, so that other members get the partitions at once. */
  async leave(): Promise<void> {
    const { memberId } = this.#group ?? {};
    // The connection is blocked by a pending JoinGroup: LeaveGroup needs another one.
    if (this.#joining && memberId) await leaveGroup(this.kafka, this.groupId, memberId).catch(() => undefined);
    this.#hasAssignment = false;
    await settlesWithin(this.config.KAFKA_REBALANCE_DRAIN_MS, this.#starting);
    await this.#consumer?.disconnect();
  }
}
