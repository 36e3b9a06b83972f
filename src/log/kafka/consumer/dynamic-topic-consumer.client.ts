import { Logger } from '@nestjs/common';
import { sleep } from '../../../shared/wait.js';
import type { ConsumerState, LogConsumer, Subscription, TopicPartition } from '../../event-log.js';
import { settlesWithin } from '../../../shared/wait.js';
import type { KafkaConsumer, DynamicSubscription } from './kafka-consumer.client.js';
import { reconnectBackoff } from '../connection/reconnect-backoff.js';
import { type PartitionCounts, subscribedTopics, equalCounts } from './subscribed-topics.js';
import { messageOf } from '../../../shared/error-message.js';

/** The operations of a cluster that the consumer needs. */
interface TopicSource {
  topics(): Promise<PartitionCounts>;
  join(subscription: DynamicSubscription): KafkaConsumer;
}

interface RefreshIntervals {
  readonly KAFKA_METADATA_MAX_AGE_MS: number;
  readonly KAFKA_RECONNECT_BACKOFF_MAX_MS: number;
}

/** Refresh interval of a failing member (ms). */
const FAILING_REFRESH_MS = 2000;
/** Time limit of the refresh before a join, during which the group waits (ms). */
const REFRESH_TIMEOUT_MS = 2000;

/**
 * A group member whose topics are created and deleted at run time. kafkajs resolves a pattern only once, and fails for good when one of its
 * topics is missing or deleted; this consumer refreshes the topics, and rejoins when they or their partition counts change.
 */
export class DynamicTopicConsumer implements LogConsumer {
  readonly #logger: Logger;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #member: KafkaConsumer | undefined;
  #counts: PartitionCounts = new Map();
  #problem: string | undefined;
  #failures = 0;

  constructor(
    private readonly source: TopicSource,
    private readonly subscription: Subscription & { readonly pattern?: RegExp },
    private readonly intervals: RefreshIntervals,
    private readonly onStopped: () => void,
  ) {
    this.#logger = new Logger(`kafka ${subscription.group}`);
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const wait = await this.#refresh();
      const end = Date.now() + wait;
      // A failing member may subscribe to a deleted topic: refresh soon.
      while (!this.#stop.signal.aborted && Date.now() < end && !this.#isFailing())
        await sleep(Math.min(FAILING_REFRESH_MS, end - Date.now()), this.#stop.signal);
      if (this.#isFailing()) await sleep(Math.min(FAILING_REFRESH_MS, this.intervals.KAFKA_METADATA_MAX_AGE_MS), this.#stop.signal);
    }
  }

  #isFailing(): boolean {
    return this.#member !== undefined && this.#failures === 0 && this.#member.state().problem !== undefined;
  }

  /** Rejoins when the topics have changed. Returns the time until the next refresh (ms). */
  async #refresh(): Promise<number> {
    try {
      const { counts, missing } = subscribedTopics(this.subscription, await this.source.topics());
      if (this.#failures > 0) this.#logger.log('cluster is reachable again');
      this.#failures = 0;
      if (this.#updateCounts(counts)) await this.#applyTopics();
      if (missing.length > 0) this.#problem = `topics not found: ${missing.join(', ')}`;
      else this.#problem = counts.size > 0 ? undefined : 'no topic matches';
      return this.intervals.KAFKA_METADATA_MAX_AGE_MS;
    } catch (error) {
      const reason = messageOf(error);
      // Logged once; while it lasts, the state shows it.
      if (reason !== this.#problem)
        this.#logger.warn(`${reason}; retrying with a backoff of at most ${this.intervals.KAFKA_RECONNECT_BACKOFF_MAX_MS} ms`);
      this.#problem = reason;
      return reconnectBackoff(++this.#failures, Math.random(), this.intervals.KAFKA_RECONNECT_BACKOFF_MAX_MS);
    }
  }

  /** Stores the counts. True when they have changed. */
  #updateCounts(counts: PartitionCounts): boolean {
    if (equalCounts(counts, this.#counts)) return false;
    this.#logger.log(`following ${[...counts].map(([topic, count]) => `${topic} (${count})`).join(', ') || 'nothing'}`);
    this.#counts = counts;
    return true;
  }

  async #applyTopics(): Promise<void> {
    const topics = [...this.#counts.keys()];
    if (topics.length === 0) {
      const before = this.#member;
      this.#member = undefined;
      await before?.stop();
    } else if (this.#member) this.#member.updateSubscription(topics);
    else if (!this.#stop.signal.aborted)
      this.#member = this.source.join({ ...this.subscription, topics, refreshTopics: () => this.#refreshedTopics() });
  }

  /** A rebalance makes all members rejoin: with a refresh before the join, every member has the new topics and needs no second rebalance. */
  async #refreshedTopics(): Promise<readonly string[]> {
    let latest = this.#counts;
    const refreshing = this.source.topics().then((existing) => (latest = subscribedTopics(this.subscription, existing).counts));
    await settlesWithin(REFRESH_TIMEOUT_MS, refreshing);
    if (latest.size > 0) this.#updateCounts(latest);
    return [...this.#counts.keys()];
  }

  state(): ConsumerState {
    const { group } = this.subscription;
    const status = this.#stop.signal.aborted ? 'stopped' : 'connecting';
    const state = this.#member?.state() ?? { group, topics: [...this.#counts.keys()], status, assigned: [], paused: [] };
    const problem = [this.#problem, state.problem].filter((each) => each !== undefined).join('; ');
    return problem ? { ...state, problem } : state;
  }

  pause(at: TopicPartition): void {
    this.#current().pause(at);
  }

  resume(at: TopicPartition): void {
    this.#current().resume(at);
  }

  seek(at: TopicPartition, offset: number): void {
    this.#current().seek(at, offset);
  }

  restart(at: TopicPartition): void {
    this.#current().restart(at);
  }

  #current(): LogConsumer {
    if (!this.#member) throw new Error(`nothing is assigned to ${this.subscription.group}`);
    return this.#member;
  }

  async stop(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    await this.#running;
    await this.#member?.stop();
    this.onStopped();
  }
}
