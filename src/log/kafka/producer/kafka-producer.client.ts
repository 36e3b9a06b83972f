import type { Kafka } from 'kafkajs';
import { backoff } from '../../../shared/retry.js';
import type { ProducerWatch } from '../../producer-watch.js';
import type { Compression } from '../protocol/codecs.client.js';
import type { PendingSend } from './pending-send.js';
import { LeaderConnections, NotSentError } from '../connection/leader-connections.client.js';
import { type ProducerBatch, type BatchLimits, PartitionQueue } from './partition-queue.js';
import { type PartitionProduceResponse, encodeProduceRequest } from '../protocol/produce-request.js';
import { encodeRecordBatch, encodeRecords, type EncodedRecords } from '../protocol/record-batch.js';
import { produceResult } from './produce-error.js';
import { messageOf } from '../../../shared/error-message.js';

export interface ProducerOptions {
  /** linger.ms */
  readonly lingerMs: number;
  readonly limits: BatchLimits;
  readonly compressionOf: (topic: string) => Compression;
  /** Logical topic name, for metrics. */
  readonly nameOf: (topic: string) => string;
  readonly watch: ProducerWatch;
}

interface InFlightBatch {
  readonly queue: PartitionQueue;
  readonly batch: ProducerBatch;
}

/** Maximum uncompressed size of a request, unless a single batch is larger. */
const REQUEST_BYTES = 1024 * 1024;
/** How long a leader waits for its in-sync replicas: shorter than the request timeout. */
const ACKS_TIMEOUT_MS = 8_000;
const EXPIRY_CHECK_MS = 250;

/**
 * An idempotent producer (acks=all) with one request in flight per broker, and thus one batch per partition. It assigns sequence numbers
 * itself: the kafkajs producer can lose acknowledged messages when several sends are queued, or when a leader changes between two attempts.
 * Retries every batch until the delivery timeout of its callers.
 */
export class KafkaProducer {
  readonly #leaders: LeaderConnections;
  readonly #queues = new Map<string, PartitionQueue>();
  readonly #busyLeaders = new Set<number>();
  /** Encoded records of batches that may be retried. */
  readonly #encodedRecords = new WeakMap<ProducerBatch, Promise<EncodedRecords>>();
  #producerId: Promise<bigint> | undefined;
  #refreshing: Promise<void> | undefined;
  #refreshFailures = 0;
  #timer: { readonly handle: NodeJS.Timeout; readonly at: number } | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #refreshBackoff: NodeJS.Timeout | undefined;
  #closing = false;
  #closed = false;
  #onDrained: (() => void) | undefined;

  constructor(
    kafka: Kafka,
    private readonly options: ProducerOptions,
  ) {
    this.#leaders = new LeaderConnections(kafka);
  }

  /** Keeps the order of calls within a partition. */
  send(topic: string, partition: number, pendingSend: PendingSend): void {
    if (this.#closing) return pendingSend.abort('closed', 'producer closed');
    const key = `${topic} ${partition}`;
    let queue = this.#queues.get(key);
    if (!queue) this.#queues.set(key, (queue = new PartitionQueue(topic, partition)));
    queue.add(pendingSend);
    this.#expiry ??= setInterval(() => this.#expire(), EXPIRY_CHECK_MS);
    this.#scheduleDrain(queue.isFull(this.options.limits) ? 0 : this.options.lingerMs);
  }

  /** Schedules a drain unless an earlier one is due. */
  #scheduleDrain(inMs: number): void {
    const at = Date.now() + inMs;
    if (this.#timer && this.#timer.at <= at) return;
    clearTimeout(this.#timer?.handle);
    this.#timer = { at, handle: setTimeout(() => this.#drain(), inMs) };
  }

  #drain(): void {
    clearTimeout(this.#timer?.handle);
    this.#timer = undefined;
    const now = Date.now();
    const linger = this.#closing ? 0 : this.options.lingerMs;
    const byLeader = new Map<number, { queues: PartitionQueue[]; due: number }>();
    let withoutLeader = Infinity;
    for (const queue of this.#queues.values()) {
      const due = queue.due(linger, this.options.limits);
      if (due === Infinity) continue;
      const leader = this.#leaders.leaderOf(queue.topic, queue.partition);
      const group = leader !== undefined && (byLeader.get(leader) ?? { queues: [], due });
      if (!group) withoutLeader = Math.min(withoutLeader, due);
      else byLeader.set(leader, { queues: [...group.queues, queue], due: Math.min(group.due, due) });
    }
    if (withoutLeader <= now) this.#refresh();
    for (const [leader, { queues, due }] of byLeader) {
      // A leader with a request in flight is drained again after the response.
      if (this.#busyLeaders.has(leader)) continue;
      if (due > now) this.#scheduleDrain(due - now);
      else void this.#request(leader, this.#drainBatches(queues, now));
    }
    if (withoutLeader > now && withoutLeader < Infinity) this.#scheduleDrain(withoutLeader - now);
    if (this.#onDrained && [...this.#queues.values()].every((queue) => queue.isEmpty)) this.#onDrained();
  }

  /** Collects batches for one request. Rotates the partitions, so that none starves when not all fit. */
  #drainBatches(queues: readonly PartitionQueue[], now: number): InFlightBatch[] {
    const inFlight: InFlightBatch[] = [];
    let bytes = 0;
    for (const queue of queues) {
      if (bytes >= REQUEST_BYTES || !queue.canSend(now)) continue;
      const batch = queue.nextBatch(this.options.limits);
      bytes += batch.records.reduce((sum, record) => sum + record.bytes, 0);
      inFlight.push({ queue, batch });
      const key = `${queue.topic} ${queue.partition}`;
      this.#queues.delete(key);
      this.#queues.set(key, queue);
    }
    return inFlight;
  }

  async #request(leader: number, inFlight: readonly InFlightBatch[]): Promise<void> {
    this.#busyLeaders.add(leader);
    try {
      await this.#initProducerIds(leader, inFlight);
      const { partitions } = await this.#leaders.produce(leader, await this.#encode(inFlight));
      const responses = new Map(partitions.map((response) => [`${response.topic} ${response.partition}`, response]));
      for (const each of inFlight) this.#handleResponse(each, responses.get(`${each.queue.topic} ${each.queue.partition}`));
    } catch (error) {
      const reason = messageOf(error);
      for (const { queue, batch } of inFlight) {
        this.options.watch.retried(this.options.nameOf(queue.topic), error instanceof NotSentError ? 'not_connected' : 'no_response');
        queue[error instanceof NotSentError ? 'handleNotSent' : 'handleNoResponse'](batch, reason, retryAt(batch));
      }
      this.#refresh();
    } finally {
      this.#busyLeaders.delete(leader);
      this.#drain();
    }
  }

  /** Each partition has its own epoch and sequence under the shared producer id. */
  async #initProducerIds(leader: number, inFlight: readonly InFlightBatch[]): Promise<void> {
    for (const { queue } of inFlight) {
      if (queue.identity) continue;
      if (queue.needsNewProducerId) this.#producerId = undefined;
      this.#producerId ??= this.#leaders.producerId(leader);
      try {
        queue.setProducerId(await this.#producerId);
      } catch (error) {
        this.#producerId = undefined;
        throw error;
      }
    }
  }

  async #encode(inFlight: readonly InFlightBatch[]): Promise<Buffer> {
    const batches = [];
    for (const { queue, batch } of inFlight) {
      const encoded = await this.#encodeOnce(queue.topic, batch);
      batches.push({ topic: queue.topic, partition: queue.partition, batch: encodeRecordBatch(encoded, queue.identity!) });
    }
    return encodeProduceRequest(batches, ACKS_TIMEOUT_MS);
  }

  #encodeOnce(topic: string, batch: ProducerBatch): Promise<EncodedRecords> {
    let encoded = this.#encodedRecords.get(batch);
    if (!encoded) this.#encodedRecords.set(batch, (encoded = this.#compress(topic, batch)));
    return encoded;
  }

  async #compress(topic: string, { records }: ProducerBatch): Promise<EncodedRecords> {
    const { codec, compress } = this.options.compressionOf(topic);
    return { bytes: await compress(encodeRecords(records)), count: records.length, codec, timestamp: Date.now() };
  }

  #handleResponse({ queue, batch }: InFlightBatch, response: PartitionProduceResponse | undefined): void {
    const { watch, nameOf } = this.options;
    if (!response) return queue.handleNoResponse(batch, 'response of the broker lacks the result', retryAt(batch));
    const action = queue.handleResponse(batch, response.errorCode, response.baseOffset, retryAt(batch));
    if (action === 'appended') {
      void this.#encodedRecords.get(batch)?.then(({ count, bytes }) => watch.batch(nameOf(queue.topic), count, bytes.length));
      return;
    }
    if (action !== 'fail') watch.retried(nameOf(queue.topic), produceResult(response.errorCode).name.toLowerCase());
    if (action === 'refresh leader') this.#refresh();
  }

  /** Refreshes the leaders of all partitions with queued records, one metadata request at a time. */
  #refresh(): void {
    if (this.#refreshing || this.#closed) return;
    const topics = new Set([...this.#queues.values()].filter((queue) => !queue.isEmpty).map(({ topic }) => topic));
    this.#refreshing = this.#leaders.refresh([...topics]).then(
      () => this.#refreshed(undefined),
      (error: unknown) => this.#refreshed(error),
    );
  }

  #refreshed(error: unknown): void {
    const withoutLeader = [...this.#queues.values()].filter(
      (queue) => !queue.isEmpty && this.#leaders.leaderOf(queue.topic, queue.partition) === undefined,
    );
    this.#refreshFailures = error || withoutLeader.length > 0 ? this.#refreshFailures + 1 : 0;
    const wait = this.#refreshFailures === 0 ? 0 : backoff(this.#refreshFailures, Math.random(), 100, 1000);
    for (const queue of withoutLeader) queue.backOffUntil(Date.now() + wait, error instanceof Error ? error.message : 'partition has no leader');
    this.#refreshBackoff = setTimeout(() => {
      this.#refreshing = undefined;
      this.#drain();
    }, wait);
  }

  #expire(): void {
    const now = Date.now();
    for (const queue of this.#queues.values()) queue.expire(now);
    if (![...this.#queues.values()].every((queue) => queue.isEmpty)) return;
    clearInterval(this.#expiry);
    this.#expiry = undefined;
    this.#onDrained?.();
  }

  /** Flushes the queues for at most `ms`, then fails the remaining records. */
  async close(ms: number): Promise<void> {
    this.#closing = true;
    if (![...this.#queues.values()].every((queue) => queue.isEmpty)) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#onDrained = () => {
          clearTimeout(timer);
          resolve();
        };
        this.#drain();
      });
    }
    this.#closed = true;
    for (const queue of this.#queues.values()) queue.close();
    clearTimeout(this.#timer?.handle);
    clearTimeout(this.#refreshBackoff);
    clearInterval(this.#expiry);
    await this.#leaders.close();
  }
}

/** Time of the next attempt: 100 ms after the first failure, growing to one second. */
const retryAt = ({ attempts }: ProducerBatch): number => Date.now() + backoff(attempts + 1, Math.random(), 100, 1000);
