import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { Config } from '../config.js';
import type { Cluster } from '../log/cluster.js';
import type { HandledRecords, PartitionSteps } from '../log/consuming/partition-consumer.service.js';
import { PartitionConsumers } from '../log/consuming/partition-consumers.service.js';
import type { PartitionPause } from '../log/consuming/partition-pause.js';
import type { PartitionPauses } from '../log/consuming/partition-pauses.service.js';
import type { PauseService } from '../log/consuming/pause.service.js';
import type { Deferral } from '../log/deferral.js';
import type { BatchControl, LogConsumer, LogRecord, PartitionOffsets, RecordBatch, TopicPartition } from '../log/event-log.js';
import { FencedError } from '../log/fenced-error.js';
import { partitionName } from '../log/topic-partition.js';
import type { ErrorCode } from '../shared/errors.js';
import { TokenBucket } from '../access/rate.js';
import { cursorGroup, type KafkaSource } from '../access/registry/source.js';
import type { SourceClaims } from './source-claims.service.js';
import type { DecodedBatch, SourceDecoder } from './source-decoder.service.js';
import { SourcePartition } from './source-partition.service.js';
import type { SourcePublisher } from './source-publisher.service.js';
import type { SourceCounts, SourcePartitionState } from './source-state.js';
import { clusterFaultTexts, startPosition } from './start-position.js';
import { messageOf } from '../shared/error-message.js';

/** Maximum time (ms) that a batch waits for room in the window; then its partition is deferred. */
const ROOM_MS = 2000;
/** Delay (ms) before the first retry of a failed publish. */
const RETRY_MS = 100;
/** Generation of every claim of a source with explicit partitions: a replica cannot acquire a partition that another live replica owns. */
const NO_GROUP = 1;

const TOO_MUCH: Deferral = { reason: 'backpressure', why: 'too many batches in flight' };

/** Services that the consumers of all sources share. */
export interface SourceServices {
  readonly config: Config;
  readonly claims: SourceClaims;
  readonly decoder: SourceDecoder;
  readonly publisher: SourcePublisher;
  readonly pauses: PauseService;
}

/** Consumes one source: publishes its records as events in raw_events, and advances the cursors behind the published events. */
export class SourceConsumer implements PartitionSteps<SourcePartition> {
  readonly counts: SourceCounts = { records: 0, events: 0, poison: {}, failures: 0 };
  /** The listener of the client. */
  readonly partitions: PartitionConsumers<SourcePartition>;
  readonly #pauses: PartitionPauses;
  readonly #releasing = new Set<Promise<void>>();
  readonly #logger: Logger;
  #bucket: TokenBucket | undefined;
  /** The latest failure, until it is over. */
  #problem: string | undefined;
  client: LogConsumer | undefined;

  constructor(
    private source: KafkaSource,
    private readonly cluster: Pick<Cluster, 'offsets' | 'offsetsAt'>,
    private readonly services: SourceServices,
  ) {
    const { config, claims, pauses } = services;
    const group = cursorGroup(source.name);
    this.#logger = new Logger(`source ${source.name}`);
    this.#pauses = pauses.of({ name: group, logger: this.#logger, remedy: `; resume with: tocsin sources resume ${source.name}` });
    const consumed = {
      name: group,
      eventLog: cluster,
      cursors: claims.cursors,
      pauses: this.#pauses,
      steps: this,
      poisonLimits: { window: config.POISON_WINDOW, percent: config.POISON_PERCENT, run: config.POISON_MAX_CONSECUTIVE },
      faultTexts: clusterFaultTexts,
      logger: this.#logger,
      whilePaused: 'deferred' as const,
      generationOf: (generation: number) => (this.source.mode === 'assign' ? NO_GROUP : generation),
      client: () => this.client,
    };
    // The partition may be reassigned next: batches in flight are finished if that is quick.
    this.partitions = new PartitionConsumers(consumed, async ({ claimed }) => claimed?.drain(ROOM_MS / 2));
    this.adjust(source);
  }

  /** Applies the present definition from the next batch on. */
  adjust(source: KafkaSource): void {
    if (!this.#bucket || JSON.stringify(source.rate) !== JSON.stringify(this.source.rate)) {
      this.#bucket = source.rate && new TokenBucket(source.rate, Date.now());
    }
    this.source = source;
    this.partitions.forgetPoison();
  }

  /** Why the source as a whole is unhealthy. */
  get problem(): string | undefined {
    return this.#problem;
  }

  states(): SourcePartitionState[] {
    return this.partitions.claimed().map(({ claimed: { committed: position, end, at, window } }) => {
      const pause = this.#pauses.of(at);
      const state = { ...at, position, end, lag: Math.max(0, end - position), in_flight: window.size };
      return pause ? { ...state, problem: pause.code ? `${pause.code} ${pause.why}` : `paused by ${pause.by}: ${pause.why}` } : state;
    });
  }

  /** Applies the pauses and halts of the source from their rows, which were read at `readAt` (epoch ms). */
  follow(rows: readonly PartitionPause[], readAt: number): void {
    this.partitions.follow(rows, readAt);
  }

  async claim(at: TopicPartition, generation: number, { low, high }: PartitionOffsets): Promise<SourcePartition | Deferral> {
    const { claims } = this.services;
    const start = (await claims.cursors.read(cursorGroup(this.source.name), at)) ? low : await this.#start(at, low);
    const cursor = await claims.claim(this.source, at, generation, start);
    if (typeof cursor === 'string') return { reason: 'not claimed', why: cursor };
    const partition = this.#partition(at, cursor.epoch, cursor.nextOffset);
    partition.end = high;
    return partition;
  }

  async #start(at: TopicPartition, low: number): Promise<number> {
    const start = startPosition(this.source.start, this.source.declared_at);
    if (start === 'earliest') return low;
    return (await this.cluster.offsetsAt(at.topic, start.timestamp)).get(at.partition) ?? low;
  }

  #partition(at: TopicPartition, epoch: number, position: number): SourcePartition {
    const { claims, publisher, config } = this.services;
    return new SourcePartition(this.source.name, at, epoch, position, {
      claims,
      publisher,
      commitMs: config.SOURCES_COMMIT_MS,
      retryMs: RETRY_MS,
      failed: (error, failures) => this.#failed(error, failures),
      refused: (code, events) => this.#countPoison(code, events),
      committed: () => (this.#problem = undefined),
      fenced: (fenced) => {
        this.#logger.warn(`${partitionName(fenced)} is now owned by another replica`);
        this.partitions.of(fenced).drop();
        this.client?.restart(fenced);
      },
    });
  }

  #failed(error: unknown, failures: number): void {
    this.counts.failures++;
    this.#problem = `publishing events failed: ${messageOf(error)}`;
    if (failures === 1) this.#logger.warn(`${this.#problem}; retrying`);
  }

  starting({ window }: SourcePartition): Deferral | undefined {
    return window.size >= this.source.max_in_flight ? TOO_MUCH : undefined;
  }

  async handle(
    partition: SourcePartition,
    records: readonly LogRecord[],
    batch: RecordBatch,
    control: BatchControl,
  ): Promise<HandledRecords | Deferral> {
    partition.end = batch.highWatermark;
    if (!(await this.#hasRoom(partition, control))) return TOO_MUCH;
    const decoded = await this.services.decoder.decode(this.source, partition.at, records);
    await this.#pace(partition, decoded.size, control);
    if (partition.lost) throw new FencedError('lost while reading');
    this.#count(records.length, decoded);
    partition.take(decoded.events, decoded.poison, records.at(-1)!.offset + 1, control, Date.now());
    return { records, poison: decoded.poison };
  }

  /** Waits for room in the window and sends heartbeats meanwhile. */
  async #hasRoom(partition: SourcePartition, control: BatchControl): Promise<boolean> {
    const end = Date.now() + ROOM_MS;
    const turn = Math.min(ROOM_MS, this.services.config.KAFKA_HEARTBEAT_INTERVAL_MS);
    while (!(await partition.room(this.source.max_in_flight, Math.min(turn, end - Date.now())))) {
      if (partition.lost) throw new FencedError('lost while waiting');
      if (Date.now() >= end) return false;
      await control.heartbeat();
    }
    return true;
  }

  /** Delays batches while the source exceeds its rate limit: nothing is rejected, the excess becomes lag. */
  async #pace(partition: SourcePartition, events: number, control: BatchControl): Promise<void> {
    while (this.#bucket && !partition.lost) {
      const wait = this.#bucket.take(events, Date.now());
      if (wait === 0) return;
      await delay(Math.min(wait, this.services.config.KAFKA_HEARTBEAT_INTERVAL_MS));
      await control.heartbeat();
    }
  }

  #count(records: number, { size, poison }: DecodedBatch): void {
    this.counts.records += records;
    this.counts.events += size;
    this.services.decoder.accepted(size);
    for (const { error } of poison) this.#countPoison(error.code, 1);
  }

  #countPoison(code: ErrorCode, events: number): void {
    this.counts.poison[code] = (this.counts.poison[code] ?? 0) + events;
  }

  dropped(partition: SourcePartition): void {
    partition.close();
    const released = partition
      .release(Date.now())
      .catch((error: unknown) => this.#logger.debug(`${partitionName(partition.at)} could not be released: ${String(error)}`))
      .finally(() => this.#releasing.delete(released));
    this.#releasing.add(released);
  }

  /** Finishes the batches in flight within `ms`, leaves the cluster, and releases the partitions. */
  async stop(ms: number): Promise<void> {
    await Promise.all(this.partitions.claimed().map(({ claimed }) => claimed.drain(ms)));
    await this.client?.stop();
    for (const { partition } of this.partitions.claimed()) partition.drop();
    await Promise.all(this.#releasing);
  }
}
