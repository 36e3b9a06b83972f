import { Logger } from '@nestjs/common';
import kafkajs, { type Consumer, type ConsumerCrashEvent, type ConsumerGroupJoinEvent, type EachBatchPayload, type Kafka } from 'kafkajs';
import type { Config } from '../../config.js';
import { backoff } from '../backoff.js';
import type { ConsumerState, LogConsumer, Subscription, TopicPartition } from '../log.js';
import { generations } from './patches.js';
import { logRecord } from './records.js';

type ConsumerConfig = Pick<Config, 'KAFKA_SESSION_TIMEOUT_MS' | 'KAFKA_HEARTBEAT_MS' | 'KAFKA_MAX_WAIT_MS' | 'KAFKA_PARTITION_BYTES'>;

/** How groups and topics are called on the cluster. */
export interface Names {
  groupId(group: string): string;
  physical(topic: string): string;
  logical(physical: string): string;
}

interface Lane {
  readonly at: TopicPartition;
  generation: number;
  /** The listener has claimed the partition and said where to start. */
  ready: boolean;
  pausedByCommand: boolean;
  failures: number;
  retry: NodeJS.Timeout | undefined;
}

/**
 * A consumer group member on kafkajs. Nothing is ever thrown into kafkajs, which would count it against the life of the consumer;
 * a failing partition is paused, claimed again after a backoff, and goes on from where the listener says. A crashed consumer is rebuilt.
 */
export class KafkaConsumer implements LogConsumer {
  readonly #log: Logger;
  readonly #lanes = new Map<string, Lane>();
  #consumer: Consumer | undefined;
  #status: ConsumerState['status'] = 'connecting';
  #problem: string | undefined;
  #generation = 0;
  #rebuilds = 0;
  #rebuild: NodeJS.Timeout | undefined;
  #building: Promise<void> = Promise.resolve();

  constructor(
    private readonly kafka: Kafka,
    private readonly subscription: Subscription,
    private readonly config: ConsumerConfig,
    private readonly names: Names,
  ) {
    this.#log = new Logger(`kafka ${subscription.group}`);
  }

  start(): void {
    this.#building = this.#build();
  }

  async #build(): Promise<void> {
    const consumer = this.kafka.consumer({
      groupId: this.names.groupId(this.subscription.group),
      sessionTimeout: this.config.KAFKA_SESSION_TIMEOUT_MS,
      rebalanceTimeout: Math.max(60_000, this.config.KAFKA_SESSION_TIMEOUT_MS),
      heartbeatInterval: this.config.KAFKA_HEARTBEAT_MS,
      maxWaitTimeInMs: this.config.KAFKA_MAX_WAIT_MS,
      maxBytesPerPartition: this.config.KAFKA_PARTITION_BYTES,
      maxBytes: 8 * this.config.KAFKA_PARTITION_BYTES,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 300, maxRetryTime: 5000, retries: 10, restartOnFailure: () => Promise.resolve(true) },
    });
    this.#consumer = consumer;
    consumer.on(consumer.events.GROUP_JOIN, (event) => this.#joined(consumer, event));
    consumer.on(consumer.events.REBALANCING, () => this.#interrupted('rebalancing'));
    consumer.on(consumer.events.CRASH, (event) => this.#crashed(consumer, event));
    try {
      await consumer.connect();
      // Out of range must never mean "skip to the end"; where to start is the listener's business anyway.
      await consumer.subscribe({ topics: this.subscription.topics.map((topic) => this.names.physical(topic)), fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: 4,
        eachBatch: (payload) => this.#eachBatch(consumer, payload),
      });
    } catch (error) {
      this.#rebuildLater(consumer, error);
    }
  }

  #crashed(consumer: Consumer, { payload }: ConsumerCrashEvent): void {
    this.#interrupted('crashed');
    this.#problem = payload.error.message;
    this.#log.warn(`crashed: ${payload.error.message}${payload.restart ? '; restarts' : '; is rebuilt'}`);
    if (!payload.restart) this.#rebuildLater(consumer, payload.error);
  }

  #rebuildLater(consumer: Consumer, error: unknown): void {
    if (this.#status === 'stopped' || this.#consumer !== consumer) return;
    this.#problem = error instanceof Error ? error.message : String(error);
    this.#consumer = undefined;
    consumer.disconnect().catch(() => undefined);
    const wait = backoff(++this.#rebuilds, Math.random(), 200, 10_000);
    this.#log.warn(`cannot consume: ${this.#problem}; again in ${wait} ms`);
    this.#rebuild = setTimeout(() => this.start(), wait);
  }

  #interrupted(status: ConsumerState['status']): void {
    if (this.#status !== 'stopped') this.#status = status;
    for (const lane of this.#lanes.values()) lane.ready = false;
  }

  /** Runs before the first fetch of the generation: everything is paused until the listener has claimed it. */
  #joined(consumer: Consumer, { payload }: ConsumerGroupJoinEvent): void {
    if (consumer !== this.#consumer) return;
    this.#status = 'running';
    this.#problem = undefined;
    this.#rebuilds = 0;
    this.#generation = generations.get(payload.memberId) ?? 0;
    const assigned = new Map<string, TopicPartition>();
    for (const [physical, partitions] of Object.entries(payload.memberAssignment)) {
      const topic = this.names.logical(physical);
      for (const partition of partitions) assigned.set(`${topic}/${partition}`, { topic, partition });
    }
    for (const [key, lane] of this.#lanes) if (!assigned.has(key)) this.#release(key, lane);
    for (const [key, at] of assigned) {
      const lane: Lane = this.#lanes.get(key) ?? { at, generation: 0, ready: false, pausedByCommand: false, failures: 0, retry: undefined };
      this.#lanes.set(key, lane);
      lane.generation = this.#generation;
      lane.ready = false;
      this.#hold(consumer, at);
      void this.#claim(consumer, lane, this.#generation);
    }
  }

  #release(key: string, lane: Lane): void {
    clearTimeout(lane.retry);
    lane.ready = false;
    lane.generation = -1;
    this.#lanes.delete(key);
    this.subscription.listener.revoked(lane.at);
  }

  #physical({ topic, partition }: TopicPartition): { topic: string; partitions: number[] }[] {
    return [{ topic: this.names.physical(topic), partitions: [partition] }];
  }

  #hold(consumer: Consumer, at: TopicPartition): void {
    consumer.pause(this.#physical(at));
  }

  /** Asks the listener where to start, then lets the partition flow. */
  async #claim(consumer: Consumer, lane: Lane, generation: number): Promise<void> {
    clearTimeout(lane.retry);
    try {
      const position = await this.subscription.listener.assigned(lane.at, generation);
      if (lane.generation !== generation || consumer !== this.#consumer) return;
      consumer.seek({ topic: this.names.physical(lane.at.topic), partition: lane.at.partition, offset: String(position) });
      lane.ready = true;
      if (!lane.pausedByCommand) consumer.resume(this.#physical(lane.at));
    } catch (error) {
      if (lane.generation === generation && consumer === this.#consumer) this.#later(consumer, lane, generation, error);
    }
  }

  #later(consumer: Consumer, lane: Lane, generation: number, error: unknown): void {
    lane.ready = false;
    const wait = backoff(++lane.failures, Math.random());
    this.#log.debug(`${lane.at.topic}/${lane.at.partition} waits ${wait} ms: ${error instanceof Error ? error.message : String(error)}`);
    lane.retry = setTimeout(() => void this.#claim(consumer, lane, generation), wait);
  }

  async #eachBatch(consumer: Consumer, payload: EachBatchPayload): Promise<void> {
    const { batch, resolveOffset, isRunning, isStale } = payload;
    const topic = this.names.logical(batch.topic);
    const lane = this.#lanes.get(`${topic}/${batch.partition}`);
    if (!lane) return;
    const { generation } = lane;
    const goesOn = (): boolean => isRunning() && !isStale() && lane.ready && lane.generation === generation && consumer === this.#consumer;
    const most = this.subscription.maxRecords;
    for (let start = 0; start < batch.messages.length && goesOn(); start += most) {
      const records = batch.messages.slice(start, start + most).map(logRecord);
      try {
        await this.subscription.listener.batch(
          { ...lane.at, records, highWatermark: Number(batch.highWatermark) },
          control(payload, lane.at, batch.topic),
        );
      } catch (error) {
        if (lane.generation !== generation) return;
        this.#hold(consumer, lane.at);
        this.#later(consumer, lane, generation, error);
        return;
      }
      lane.failures = 0;
      resolveOffset(String(records.at(-1)!.offset));
      await quietly(payload.heartbeat());
    }
  }

  state(): ConsumerState {
    const lanes = [...this.#lanes.values()];
    const state = {
      group: this.subscription.group,
      topics: this.subscription.topics,
      status: this.#status,
      assigned: lanes.map(({ at }) => at),
      paused: lanes.filter(({ ready, pausedByCommand }) => !ready || pausedByCommand).map(({ at }) => at),
    };
    return this.#problem ? { ...state, problem: this.#problem } : state;
  }

  pause(at: TopicPartition): void {
    const lane = this.#lane(at);
    lane.pausedByCommand = true;
    if (this.#consumer) this.#hold(this.#consumer, at);
  }

  resume(at: TopicPartition): void {
    const lane = this.#lane(at);
    lane.pausedByCommand = false;
    if (lane.ready) this.#consumer?.resume(this.#physical(at));
  }

  seek(at: TopicPartition, offset: number): void {
    this.#lane(at);
    this.#consumer?.seek({ topic: this.names.physical(at.topic), partition: at.partition, offset: String(offset) });
  }

  restart(at: TopicPartition): void {
    const lane = this.#lane(at);
    if (!this.#consumer) return;
    this.#hold(this.#consumer, at);
    this.#later(this.#consumer, lane, lane.generation, new Error('restart'));
  }

  #lane({ topic, partition }: TopicPartition): Lane {
    const lane = this.#lanes.get(`${topic}/${partition}`);
    if (!lane) throw new Error(`${topic}/${partition} is not assigned`);
    return lane;
  }

  async stop(): Promise<void> {
    this.#status = 'stopped';
    clearTimeout(this.#rebuild);
    await this.#building;
    await this.#consumer?.disconnect();
    for (const [key, lane] of this.#lanes) this.#release(key, lane);
  }
}

/** A commit only serves the lag tools, and a heartbeat that fails is noticed by kafkajs in its own next one: neither may fail a batch. */
function control(payload: EachBatchPayload, at: TopicPartition, physical: string) {
  return {
    heartbeat: () => quietly(payload.heartbeat()),
    commit: (next: number) =>
      quietly(payload.commitOffsetsIfNecessary({ topics: [{ topic: physical, partitions: [{ partition: at.partition, offset: String(next) }] }] })),
  };
}

async function quietly(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof kafkajs.KafkaJSError)) throw error;
  }
}
