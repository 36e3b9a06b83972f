import type { Logger } from '@nestjs/common';
import kafkajs, { type Consumer, type ConsumerCrashEvent, type EachBatchPayload, type Kafka } from 'kafkajs';
import type { Config } from '../../../config.js';
import { backoff } from '../../../shared/retry.js';
import type { ConsumerState, TopicPartition } from '../../event-log.js';
import type { Commit } from './commit-sequence.js';
import { within } from './generation.js';
import { leaveGroup } from './leave-group.js';
import { type Ownership, partitionAssigners } from './partition-assigners.client.js';
import type { Membership } from '../protocol/kafkajs-patches.client.js';
import { forgetOthers, resubscribe, type Subscribed } from './resubscribe.js';

export type MemberConfig = Pick<
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

/** What a member tells and asks; partitions by their names on the cluster. */
export interface MemberEvents {
  /** What to read; asked before each request to join. Does not reject. */
  topics(): Promise<readonly string[]>;
  /** What we had in the latest generation. */
  owned(): Ownership;
  /** Nothing may be handled any more, because of `why`, until the next `assigned`. */
  interrupted(why: unknown): void;
  /** Before we ask to join: what is under way is brought to an end. */
  handOver(): Promise<void>;
  /** Ours from this generation on. Called before the first fetch. */
  assigned(partitions: readonly TopicPartition[], generation: number): void;
  /** The first fetch waits for this. */
  prepared(): Promise<void>;
  batch(payload: EachBatchPayload): Promise<void>;
  /** Milliseconds from one fetch to the next. */
  polled(ms: number): void;
}

/** What ends our part in a generation: a heartbeat or a commit that was refused like this was the last. */
const EXPELLED: ReadonlySet<unknown> = new Set([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'NOT_COORDINATOR_FOR_GROUP',
  'FENCED_INSTANCE_ID',
]);

/** An error at which kafkajs joins anew, and that does not count against the life of the consumer. */
const joinAnew = (why: string): Error => Object.assign(new kafkajs.KafkaJSError(why), { type: 'REBALANCE_IN_PROGRESS' });

/** A member of a consumer group on kafkajs that comes back whatever happens to it: crashed, it is built anew after a backoff. */
export class KafkaMember {
  status: ConsumerState['status'] = 'connecting';
  problem: string | undefined;
  #consumer: Consumer | undefined;
  #group: Subscribed | undefined;
  /** kafkajs knows our partitions, so it can be told to pause and seek. */
  #live = false;
  #joining = false;
  /** What we ask, or have asked, to join with is not the latest. */
  #outdated = false;
  #expelled: Error | undefined;
  #rebuilds = 0;
  #rebuild: NodeJS.Timeout | undefined;
  #building: Promise<void> = Promise.resolve();

  constructor(
    private readonly logger: Logger,
    private readonly kafka: Kafka,
    private readonly groupId: string,
    private readonly config: MemberConfig,
    private readonly events: MemberEvents,
  ) {}

  start(): void {
    this.#building = this.#build();
  }

  /** Reads these topics from now on: joins anew, but as the same member, so that what it keeps stays where it is. */
  follow(topics: readonly string[]): void {
    if (this.status === 'stopped') return;
    this.#outdated = true;
    if (!this.#group) return this.#beginAnew();
    forgetOthers(this.#group, topics);
    if (this.#live && !this.#joining) this.#expel(joinAnew('subscription changed'));
  }

  /** Who has not come as far as to ask to join is nobody whom the group would miss. */
  #beginAnew(): void {
    clearTimeout(this.#rebuild);
    if (this.#consumer) this.#forget(this.#consumer);
    this.start();
  }

  async #build(): Promise<void> {
    const consumer = this.#consumerOf(() => consumer);
    this.#consumer = consumer;
    this.#listen(consumer);
    try {
      await consumer.connect();
      // Out of range must never mean "skip to the end"; where to start is the listener's business anyway.
      await consumer.subscribe({ topics: [...(await this.events.topics())], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: 4,
        eachBatch: (payload) => this.#batch(consumer, payload),
      });
    } catch (error) {
      this.#rebuildLater(consumer, error);
    }
  }

  #consumerOf(consumer: () => Consumer): Consumer {
    const { config, events } = this;
    return this.kafka.consumer({
      groupId: this.groupId,
      partitionAssigners: partitionAssigners(config.KAFKA_ASSIGNER, () => events.owned(), this.#membership(consumer)),
      sessionTimeout: config.KAFKA_SESSION_TIMEOUT_MS,
      rebalanceTimeout: Math.max(60_000, config.KAFKA_SESSION_TIMEOUT_MS),
      heartbeatInterval: config.KAFKA_HEARTBEAT_INTERVAL_MS,
      maxWaitTimeInMs: config.KAFKA_FETCH_MAX_WAIT_MS,
      // The leader of the group deals out new partitions of a topic when its metadata shows them.
      metadataMaxAge: config.KAFKA_METADATA_MAX_AGE_MS,
      minBytes: config.KAFKA_FETCH_MIN_BYTES,
      maxBytes: config.KAFKA_FETCH_MAX_BYTES,
      maxBytesPerPartition: config.KAFKA_MAX_PARTITION_FETCH_BYTES,
      readUncommitted: false,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 300, maxRetryTime: 5000, retries: 10, restartOnFailure: () => Promise.resolve(true) },
    });
  }

  #membership(consumer: () => Consumer): Membership {
    const wanted = (): boolean => this.status !== 'stopped' && consumer() === this.#consumer;
    const expelled = (): Error | undefined => (wanted() ? this.#expelled : undefined);
    return {
      joining: async (group) => {
        // It is the whole of kafkajs' own member.
        if (wanted()) await this.#prepareJoin(group as Subscribed);
        if (!wanted()) throw new kafkajs.KafkaJSNonRetriableError('the member is being stopped');
      },
      joined: () => (wanted() ? this.events.prepared() : Promise.resolve()),
      refused: (error) => {
        if (wanted() && error instanceof Error && EXPELLED.has((error as { type?: unknown }).type)) this.#expel(error);
      },
      get expelled() {
        return expelled();
      },
    };
  }

  async #prepareJoin(group: Subscribed): Promise<void> {
    this.#group = group;
    this.#joining = true;
    this.#expelled ??= joinAnew('rejoining the group');
    this.events.interrupted(this.#expelled);
    await this.events.handOver();
    this.#outdated = false;
    await resubscribe(group, await this.events.topics());
  }

  #expel(error: Error): void {
    this.#expelled ??= error;
    this.status = 'rebalancing';
    this.events.interrupted(error);
  }

  #listen(consumer: Consumer): void {
    const fetches = new Map<number, number>();
    const { GROUP_JOIN, REBALANCING, CRASH, STOP, FETCH_START } = consumer.events;
    consumer.on(GROUP_JOIN, ({ payload }) => consumer === this.#consumer && this.#assigned(payload.memberAssignment));
    consumer.on(REBALANCING, () => consumer === this.#consumer && this.#expel(joinAnew('group is rebalancing')));
    consumer.on(CRASH, ({ payload }) => consumer === this.#consumer && this.#crashed(consumer, payload));
    consumer.on(STOP, () => consumer === this.#consumer && (this.#live = false));
    consumer.on(FETCH_START, ({ payload: { nodeId } }) => {
      const [before, now] = [fetches.get(nodeId), performance.now()];
      fetches.set(nodeId, now);
      if (before !== undefined) this.events.polled(now - before);
    });
  }

  #assigned(assignment: Readonly<Record<string, readonly number[]>>): void {
    this.#joining = false;
    if (this.status === 'stopped') return;
    this.status = 'running';
    this.problem = undefined;
    this.#expelled = undefined;
    this.#rebuilds = 0;
    this.#live = true;
    const partitions = Object.entries(assignment).flatMap(([topic, all]) => all.map((partition) => ({ topic, partition })));
    this.events.assigned(partitions, this.#group?.generationId ?? 0);
    if (this.#outdated) this.#expel(joinAnew('subscription changed'));
  }

  /** After a refusal nothing that kafkajs still hands over may be handled: it is made to join first. */
  async #batch(consumer: Consumer, payload: EachBatchPayload): Promise<void> {
    if (consumer !== this.#consumer) return;
    if (!this.#expelled) await this.events.batch(payload);
    if (this.#expelled && this.status !== 'stopped') throw this.#expelled;
  }

  #crashed(consumer: Consumer, { error, restart }: ConsumerCrashEvent['payload']): void {
    this.#live = false;
    this.#joining = false;
    this.events.interrupted(error);
    if (this.status === 'stopped') return;
    this.status = 'crashed';
    this.problem = error.message;
    this.logger.warn(`crashed: ${error.message}${restart ? '; restarting' : '; recreating the member'}`);
    this.#leaveBehind();
    if (!restart) this.#rebuildLater(consumer, error);
  }

  /** kafkajs leaves only while it reads; else the group would wait a whole session for a member that comes back under another name. */
  #leaveBehind(): void {
    const { memberId } = this.#group ?? {};
    if (memberId) leaveGroup(this.kafka, this.groupId, memberId).catch(() => undefined);
  }

  #rebuildLater(consumer: Consumer, error: unknown): void {
    if (this.status === 'stopped' || this.#consumer !== consumer) return;
    this.problem = error instanceof Error ? error.message : String(error);
    this.#forget(consumer);
    const wait = backoff(++this.#rebuilds, Math.random(), 200, 10_000);
    this.logger.warn(`cannot consume: ${this.problem}; retrying in ${wait} ms`);
    this.#rebuild = setTimeout(() => this.start(), wait);
  }

  #forget(consumer: Consumer): void {
    this.#consumer = undefined;
    this.#group = undefined;
    this.#live = false;
    consumer.disconnect().catch(() => undefined);
  }

  pause(partitions: readonly TopicPartition[]): void {
    if (this.#live) this.#consumer?.pause(partitions.map(({ topic, partition }) => ({ topic, partitions: [partition] })));
  }

  resume({ topic, partition }: TopicPartition): void {
    if (this.#live) this.#consumer?.resume([{ topic, partitions: [partition] }]);
  }

  seek({ topic, partition }: TopicPartition, offset: number): void {
    if (this.#live) this.#consumer?.seek({ topic, partition, offset: String(offset) });
  }

  /** Rejects when the broker refuses, or when we are no member at the moment. */
  async commit(commits: readonly Commit[]): Promise<void> {
    if (!this.#group || !this.#live) throw new Error('not a member of the group');
    await this.#group.commitOffsets({
      topics: commits.map(({ topic, partition, next }) => ({ topic, partitions: [{ partition, offset: String(next) }] })),
    });
  }

  /** From now on nothing is begun and nobody is told to join; `leave` does the rest. */
  stop(): void {
    this.status = 'stopped';
    clearTimeout(this.#rebuild);
    this.events.interrupted('stopped');
  }

  /** Leaves the group, so that others get the partitions at once. */
  async leave(): Promise<void> {
    const { memberId } = this.#group ?? {};
    // Who waits for a rebalance cannot leave on the connection on which it waits.
    if (this.#joining && memberId) await leaveGroup(this.kafka, this.groupId, memberId).catch(() => undefined);
    this.#live = false;
    await within(this.config.KAFKA_REBALANCE_DRAIN_MS, this.#building);
    await this.#consumer?.disconnect();
  }
}
