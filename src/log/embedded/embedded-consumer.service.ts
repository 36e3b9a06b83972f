import type { EventEmitter } from 'node:events';
import { sleep } from '../../shared/wait.js';
import { backoff } from '../../shared/retry.js';
import type { ConsumerState, GroupConsumer, LogRecord, Subscription, TopicPartition } from '../event-log.js';

/** What the consumer needs of the log's tables. */
interface Source {
  readonly partitions: ReadonlyMap<string, number>;
  read(at: TopicPartition, from: number, most: number): LogRecord[];
  high(at: TopicPartition): number;
  commit(at: TopicPartition, next: number): void;
  readonly appended: EventEmitter;
  stopped(): void;
}

interface Lane {
  readonly at: TopicPartition;
  position: number;
  /** The listener has said where to start. */
  assigned: boolean;
  paused: boolean;
  /** Waits after a failure. */
  failing: boolean;
  running: Promise<void>;
}

/** Reads each partition of its topics in a loop of its own; every partition is always ours. */
export class EmbeddedConsumer implements GroupConsumer {
  readonly #lanes = new Map<string, Lane>();
  readonly #stop = new AbortController();
  /** Grows with every process that owns the database file, so that a claim of an earlier one is older. */
  readonly #generation = Date.now();

  constructor(
    private readonly subscription: Subscription,
    private readonly source: Source,
  ) {}

  start(): void {
    for (const topic of this.subscription.topics) {
      for (let partition = 0; partition < (this.source.partitions.get(topic) ?? 0); partition++) {
        const lane: Lane = { at: { topic, partition }, position: 0, assigned: false, paused: false, failing: false, running: Promise.resolve() };
        this.#lanes.set(`${topic}/${partition}`, lane);
        lane.running = this.#run(lane);
      }
    }
  }

  async #run(lane: Lane): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      const outcome = await this.#turn(lane);
      lane.failing = outcome === 'again';
      if (outcome === 'handled') failures = 0;
      if (outcome !== 'again') continue;
      lane.assigned = false;
      await sleep(backoff(++failures, Math.random()), this.#stop.signal);
    }
    if (lane.assigned) await this.subscription.listener.releasing?.(lane.at);
    this.subscription.listener.revoked(lane.at);
  }

  /** `again`: the listener deferred the partition, or rejected and logged why; it is asked again after a backoff. */
  async #turn(lane: Lane): Promise<'handled' | 'idle' | 'again'> {
    try {
      return (await this.#assigned(lane)) ? await this.#next(lane) : 'again';
    } catch {
      return 'again';
    }
  }

  /** False when the listener defers the partition. */
  async #assigned(lane: Lane): Promise<boolean> {
    if (!lane.assigned) {
      const position = await this.subscription.listener.assigned(lane.at, this.#generation);
      if (typeof position !== 'number') return false;
      lane.position = position;
    }
    return (lane.assigned = true);
  }

  /** Handles the next batch, or waits until there may be one. */
  async #next(lane: Lane): Promise<'handled' | 'idle' | 'again'> {
    const from = lane.position;
    const records = lane.paused ? [] : this.source.read(lane.at, from, this.subscription.maxRecords);
    if (records.length === 0) {
      await this.#wait(1000);
      return 'idle';
    }
    const deferral = await this.subscription.listener.batch(
      { ...lane.at, records, highWatermark: this.source.high(lane.at) },
      {
        heartbeat: () => new Promise((resolve) => setImmediate(resolve)),
        commit: (next) => Promise.resolve(this.source.commit(lane.at, next)),
      },
    );
    if (deferral) return 'again';
    if (lane.position === from) lane.position = records.at(-1)!.offset + 1;
    await new Promise((resolve) => setImmediate(resolve));
    return 'handled';
  }

  /**
   * Resolves at the next append, when the consumer stops, at the latest after `ms` (another process may have written). Reading and
   * waiting happen in one turn of the event loop, so no append can slip between them.
   */
  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.source.appended.off('appended', done);
        this.#stop.signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.source.appended.once('appended', done);
      this.#stop.signal.addEventListener('abort', done);
    });
  }

  state(): ConsumerState {
    const lanes = [...this.#lanes.values()];
    return {
      group: this.subscription.group,
      topics: this.subscription.topics,
      status: this.#stop.signal.aborted ? 'stopped' : 'running',
      assigned: lanes.map(({ at }) => at),
      paused: lanes.filter(({ paused, failing }) => paused || failing).map(({ at }) => at),
    };
  }

  pause({ topic, partition }: TopicPartition): void {
    this.#lane(topic, partition).paused = true;
  }

  resume({ topic, partition }: TopicPartition): void {
    this.#lane(topic, partition).paused = false;
    this.source.appended.emit('appended');
  }

  seek({ topic, partition }: TopicPartition, offset: number): void {
    this.#lane(topic, partition).position = offset;
    this.source.appended.emit('appended');
  }

  commit(at: TopicPartition, next: number): void {
    this.source.commit(at, next);
  }

  restart({ topic, partition }: TopicPartition): void {
    this.#lane(topic, partition).assigned = false;
    this.source.appended.emit('appended');
  }

  #lane(topic: string, partition: number): Lane {
    const lane = this.#lanes.get(`${topic}/${partition}`);
    if (!lane) throw new Error(`${topic}/${partition} is not assigned`);
    return lane;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#lanes.values()].map(({ running }) => running));
    this.source.stopped();
  }
}
