import type { EventEmitter } from 'node:events';
import { sleep } from '../../shared/wait.js';
import { backoff } from '../../shared/retry.js';
import type { ConsumerState, GroupConsumer, LogRecord, Subscription, TopicPartition } from '../event-log.js';

/** The operations on stored records that the consumer needs. */
interface RecordSource {
  readonly partitions: ReadonlyMap<string, number>;
  read(at: TopicPartition, from: number, limit: number): LogRecord[];
  high(at: TopicPartition): number;
  commit(at: TopicPartition, next: number): void;
  readonly appended: EventEmitter;
  stopped(): void;
}

interface PartitionLoop {
  readonly at: TopicPartition;
  position: number;
  /** The listener has returned the start offset. */
  assigned: boolean;
  paused: boolean;
  /** In backoff after a failure. */
  failing: boolean;
  running: Promise<void>;
}

/** Reads each partition of its topics in its own loop; all partitions are always assigned. */
export class EmbeddedConsumer implements GroupConsumer {
  readonly #loops = new Map<string, PartitionLoop>();
  readonly #stop = new AbortController();
  /** Grows with every process that owns the database file, so that an earlier process is fenced. */
  readonly #generation = Date.now();

  constructor(
    private readonly subscription: Subscription,
    private readonly source: RecordSource,
  ) {}

  start(): void {
    for (const topic of this.subscription.topics) {
      for (let partition = 0; partition < (this.source.partitions.get(topic) ?? 0); partition++) {
        const loop: PartitionLoop = {
          at: { topic, partition },
          position: 0,
          assigned: false,
          paused: false,
          failing: false,
          running: Promise.resolve(),
        };
        this.#loops.set(`${topic}/${partition}`, loop);
        loop.running = this.#run(loop);
      }
    }
  }

  async #run(loop: PartitionLoop): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      const outcome = await this.#turn(loop);
      loop.failing = outcome === 'again';
      if (outcome === 'handled') failures = 0;
      if (outcome !== 'again') continue;
      loop.assigned = false;
      await sleep(backoff(++failures, Math.random()), this.#stop.signal);
    }
    if (loop.assigned) await this.subscription.listener.releasing?.(loop.at);
    this.subscription.listener.revoked(loop.at);
  }

  /** `again`: the listener deferred the partition, or rejected and logged why; it is asked again after a backoff. */
  async #turn(loop: PartitionLoop): Promise<'handled' | 'idle' | 'again'> {
    try {
      return (await this.#assigned(loop)) ? await this.#handleNext(loop) : 'again';
    } catch {
      return 'again';
    }
  }

  /** False when the listener defers the partition. */
  async #assigned(loop: PartitionLoop): Promise<boolean> {
    if (!loop.assigned) {
      const position = await this.subscription.listener.assigned(loop.at, this.#generation);
      if (typeof position !== 'number') return false;
      loop.position = position;
    }
    return (loop.assigned = true);
  }

  /** Processes the next batch, or waits for one. */
  async #handleNext(loop: PartitionLoop): Promise<'handled' | 'idle' | 'again'> {
    const from = loop.position;
    const records = loop.paused ? [] : this.source.read(loop.at, from, this.subscription.maxRecords);
    if (records.length === 0) {
      await this.#waitForAppend(1000);
      return 'idle';
    }
    const deferral = await this.subscription.listener.batch(
      { ...loop.at, records, highWatermark: this.source.high(loop.at) },
      {
        heartbeat: () => new Promise((resolve) => setImmediate(resolve)),
        commit: (next) => Promise.resolve(this.source.commit(loop.at, next)),
      },
    );
    if (deferral) return 'again';
    if (loop.position === from) loop.position = records.at(-1)!.offset + 1;
    await new Promise((resolve) => setImmediate(resolve));
    return 'handled';
  }

  /**
   * Resolves at the next append, when the consumer stops, or after `ms` (another process may have written). Reading and waiting happen in one
   * turn of the event loop, so no append is missed.
   */
  #waitForAppend(ms: number): Promise<void> {
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
    const loops = [...this.#loops.values()];
    return {
      group: this.subscription.group,
      topics: this.subscription.topics,
      status: this.#stop.signal.aborted ? 'stopped' : 'running',
      assigned: loops.map(({ at }) => at),
      paused: loops.filter(({ paused, failing }) => paused || failing).map(({ at }) => at),
    };
  }

  pause({ topic, partition }: TopicPartition): void {
    this.#loop(topic, partition).paused = true;
  }

  resume({ topic, partition }: TopicPartition): void {
    this.#loop(topic, partition).paused = false;
    this.source.appended.emit('appended');
  }

  seek({ topic, partition }: TopicPartition, offset: number): void {
    this.#loop(topic, partition).position = offset;
    this.source.appended.emit('appended');
  }

  commit(at: TopicPartition, next: number): void {
    this.source.commit(at, next);
  }

  restart({ topic, partition }: TopicPartition): void {
    this.#loop(topic, partition).assigned = false;
    this.source.appended.emit('appended');
  }

  #loop(topic: string, partition: number): PartitionLoop {
    const loop = this.#loops.get(`${topic}/${partition}`);
    if (!loop) throw new Error(`${topic}/${partition} is not assigned`);
    return loop;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#loops.values()].map(({ running }) => running));
    this.source.stopped();
  }
}
