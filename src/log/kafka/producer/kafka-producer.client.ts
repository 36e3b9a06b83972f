import type { Kafka } from 'kafkajs';
import { backoff } from '../../../shared/retry.js';
import type { ProducerWatch } from '../../producer-watch.js';
import type { Compression } from '../protocol/codecs.client.js';
import type { Delivery } from './delivery.js';
import { LeaderConnections, Unsent } from '../connection/leader-connections.client.js';
import { type Batch, type BatchLimits, PartitionQueue } from './partition-queue.js';
import { type PartitionAnswer, produceRequest } from '../protocol/produce-request.js';
import { encodeBatch, encodeRecords, type RecordSection } from '../protocol/record-batch.js';
import { meaning } from './produce-error.js';

export interface ProducerOptions {
  /** How long a record waits for company. */
  readonly lingerMs: number;
  readonly limits: BatchLimits;
  readonly compressionOf: (topic: string) => Compression;
  /** The name of a topic in the metrics. */
  readonly nameOf: (topic: string) => string;
  readonly watch: ProducerWatch;
}

interface Sending {
  readonly queue: PartitionQueue;
  readonly batch: Batch;
}

/** Bytes of one request, before compression, unless a single batch has more. */
const REQUEST_BYTES = 1024 * 1024;
/** How long a leader may wait for its replicas: shorter than what we wait for the leader. */
const REPLICAS_MS = 8_000;
const EXPIRY_MS = 250;

/**
 * An idempotent producer (acks=all) with one request in flight to each broker, and so one batch to each partition. It keeps the sequence numbers
 * itself: those of kafkajs' producer can lose acknowledged messages when several sends wait, or when a leader moves between two tries.
 * Everything is tried again until its callers have stopped waiting.
 */
export class KafkaProducer {
  readonly #leaders: LeaderConnections;
  readonly #queues = new Map<string, PartitionQueue>();
  readonly #busy = new Set<number>();
  /** Compressed records of batches that may come again. */
  readonly #sections = new WeakMap<Batch, Promise<RecordSection>>();
  #producerId: Promise<bigint> | undefined;
  #refreshing: Promise<void> | undefined;
  #refusals = 0;
  #timer: { readonly handle: NodeJS.Timeout; readonly at: number } | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #pause: NodeJS.Timeout | undefined;
  #closing = false;
  #closed = false;
  #emptied: (() => void) | undefined;

  constructor(
    kafka: Kafka,
    private readonly options: ProducerOptions,
  ) {
    this.#leaders = new LeaderConnections(kafka);
  }

  /** Order within a partition is that of the calls. */
  send(topic: string, partition: number, delivery: Delivery): void {
    if (this.#closing) return delivery.giveUp('closed', 'producer closed');
    const key = `${topic} ${partition}`;
    let queue = this.#queues.get(key);
    if (!queue) this.#queues.set(key, (queue = new PartitionQueue(topic, partition)));
    queue.add(delivery);
    this.#expiry ??= setInterval(() => this.#expire(), EXPIRY_MS);
    this.#wake(queue.isFull(this.options.limits) ? 0 : this.options.lingerMs);
  }

  /** Sends what may leave, and comes again when more may. */
  #wake(inMs: number): void {
    const at = Date.now() + inMs;
    if (this.#timer && this.#timer.at <= at) return;
    clearTimeout(this.#timer?.handle);
    this.#timer = { at, handle: setTimeout(() => this.#pump(), inMs) };
  }

  #pump(): void {
    clearTimeout(this.#timer?.handle);
    this.#timer = undefined;
    const now = Date.now();
    const linger = this.#closing ? 0 : this.options.lingerMs;
    const byLeader = new Map<number, { queues: PartitionQueue[]; due: number }>();
    let homeless = Infinity;
    for (const queue of this.#queues.values()) {
      const due = queue.due(linger, this.options.limits);
      if (due === Infinity) continue;
      const leader = this.#leaders.of(queue.topic, queue.partition);
      const group = leader !== undefined && (byLeader.get(leader) ?? { queues: [], due });
      if (!group) homeless = Math.min(homeless, due);
      else byLeader.set(leader, { queues: [...group.queues, queue], due: Math.min(group.due, due) });
    }
    if (homeless <= now) this.#refresh();
    for (const [leader, { queues, due }] of byLeader) {
      // Who has a request in flight pumps again when it is answered.
      if (this.#busy.has(leader)) continue;
      if (due > now) this.#wake(due - now);
      else void this.#request(leader, this.#take(queues, now));
    }
    if (homeless > now && homeless < Infinity) this.#wake(homeless - now);
    if (this.#emptied && [...this.#queues.values()].every((queue) => queue.isEmpty)) this.#emptied();
  }

  /** Batches for one request. The partitions take turns at being first, so that none starves when not all fit. */
  #take(queues: readonly PartitionQueue[], now: number): Sending[] {
    const sending: Sending[] = [];
    let bytes = 0;
    for (const queue of queues) {
      if (bytes >= REQUEST_BYTES || !queue.canSend(now)) continue;
      const batch = queue.take(this.options.limits);
      bytes += batch.records.reduce((sum, record) => sum + record.bytes, 0);
      sending.push({ queue, batch });
      const key = `${queue.topic} ${queue.partition}`;
      this.#queues.delete(key);
      this.#queues.set(key, queue);
    }
    return sending;
  }

  async #request(leader: number, sending: readonly Sending[]): Promise<void> {
    this.#busy.add(leader);
    try {
      await this.#identify(leader, sending);
      const { partitions } = await this.#leaders.produce(leader, await this.#encode(sending));
      const answers = new Map(partitions.map((answer) => [`${answer.topic} ${answer.partition}`, answer]));
      for (const each of sending) this.#answered(each, answers.get(`${each.queue.topic} ${each.queue.partition}`));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      for (const { queue, batch } of sending) {
        this.options.watch.retried(this.options.nameOf(queue.topic), error instanceof Unsent ? 'not_connected' : 'no_response');
        queue[error instanceof Unsent ? 'unsent' : 'lost'](batch, reason, again(batch));
      }
      this.#refresh();
    } finally {
      this.#busy.delete(leader);
      this.#pump();
    }
  }

  /** Every partition keeps its own epoch and sequence under the producer id. */
  async #identify(leader: number, sending: readonly Sending[]): Promise<void> {
    for (const { queue } of sending) {
      if (queue.identity) continue;
      if (queue.needsNewProducer) this.#producerId = undefined;
      this.#producerId ??= this.#leaders.producerId(leader);
      try {
        queue.identify(await this.#producerId);
      } catch (error) {
        this.#producerId = undefined;
        throw error;
      }
    }
  }

  async #encode(sending: readonly Sending[]): Promise<Buffer> {
    const batches = [];
    for (const { queue, batch } of sending) {
      const section = await this.#section(queue.topic, batch);
      batches.push({ topic: queue.topic, partition: queue.partition, batch: encodeBatch(section, queue.identity!) });
    }
    return produceRequest(batches, REPLICAS_MS);
  }

  #section(topic: string, batch: Batch): Promise<RecordSection> {
    let section = this.#sections.get(batch);
    if (!section) this.#sections.set(batch, (section = this.#compress(topic, batch)));
    return section;
  }

  async #compress(topic: string, { records }: Batch): Promise<RecordSection> {
    const { codec, compress } = this.options.compressionOf(topic);
    return { bytes: await compress(encodeRecords(records)), count: records.length, codec, timestamp: Date.now() };
  }

  #answered({ queue, batch }: Sending, answer: PartitionAnswer | undefined): void {
    const { watch, nameOf } = this.options;
    if (!answer) return queue.lost(batch, 'response of the broker lacks the result', again(batch));
    const verdict = queue.answered(batch, answer.code, answer.offset, again(batch));
    if (verdict === 'appended') {
      void this.#sections.get(batch)?.then(({ count, bytes }) => watch.batch(nameOf(queue.topic), count, bytes.length));
      return;
    }
    if (verdict !== 'refused') watch.retried(nameOf(queue.topic), meaning(answer.code).name.toLowerCase());
    if (verdict === 'elsewhere') this.#refresh();
  }

  /** Learns who leads the partitions that have something to send, one question at a time. */
  #refresh(): void {
    if (this.#refreshing || this.#closed) return;
    const topics = new Set([...this.#queues.values()].filter((queue) => !queue.isEmpty).map(({ topic }) => topic));
    this.#refreshing = this.#leaders.refresh([...topics]).then(
      () => this.#refreshed(undefined),
      (error: unknown) => this.#refreshed(error),
    );
  }

  #refreshed(error: unknown): void {
    const homeless = [...this.#queues.values()].filter((queue) => !queue.isEmpty && this.#leaders.of(queue.topic, queue.partition) === undefined);
    this.#refusals = error || homeless.length > 0 ? this.#refusals + 1 : 0;
    const wait = this.#refusals === 0 ? 0 : backoff(this.#refusals, Math.random(), 100, 1000);
    for (const queue of homeless) queue.waitUntil(Date.now() + wait, error instanceof Error ? error.message : 'partition has no leader');
    this.#pause = setTimeout(() => {
      this.#refreshing = undefined;
      this.#pump();
    }, wait);
  }

  #expire(): void {
    const now = Date.now();
    for (const queue of this.#queues.values()) queue.expire(now);
    if (![...this.#queues.values()].every((queue) => queue.isEmpty)) return;
    clearInterval(this.#expiry);
    this.#expiry = undefined;
    this.#emptied?.();
  }

  /** Sends what waits, at most for `ms`; what is left then is given up. */
  async close(ms: number): Promise<void> {
    this.#closing = true;
    if (![...this.#queues.values()].every((queue) => queue.isEmpty)) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#emptied = () => {
          clearTimeout(timer);
          resolve();
        };
        this.#pump();
      });
    }
    this.#closed = true;
    for (const queue of this.#queues.values()) queue.close();
    clearTimeout(this.#timer?.handle);
    clearTimeout(this.#pause);
    clearInterval(this.#expiry);
    await this.#leaders.close();
  }
}

/** When a batch may be tried again: 100 ms after the first failure, a second after many. */
const again = ({ tries }: Batch): number => Date.now() + backoff(tries + 1, Math.random(), 100, 1000);
