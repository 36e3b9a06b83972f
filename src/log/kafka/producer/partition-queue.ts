import type { PublishFailure } from '../../publish-error.js';
import type { PendingSend, QueuedRecord } from './pending-send.js';
import type { BatchIdentity } from '../protocol/record-batch.js';
import { produceResult, type ProduceAction } from './produce-error.js';

/** Records that are sent together, and resent under the same sequence numbers until the broker responds. */
export interface ProducerBatch {
  readonly records: readonly QueuedRecord[];
  attempts: number;
  /** An attempt ended without a response: the log may contain the batch. */
  maybeAppended: boolean;
}

export interface BatchLimits {
  readonly records: number;
  readonly bytes: number;
}

/** Sequence numbers have 31 bits, epochs 15. */
const SEQUENCE_COUNT = 2 ** 31;
const MAX_EPOCH = 2 ** 15 - 1;

/**
 * The queued records of one partition and the sequence number of its next batch. Only one batch is in flight: a second one could reuse
 * the sequence numbers of a first whose response was lost, and the broker would drop it as a duplicate.
 */
export class PartitionQueue {
  /** Identity of the next batch; undefined until a producer id is set. */
  identity: BatchIdentity | undefined;
  #queued: QueuedRecord[] = [];
  #queuedBytes = 0;
  /** Batches to resend, and halves of split ones: they go before the queue. */
  #retries: ProducerBatch[] = [];
  #notBefore = 0;
  #lastError = '';
  #epochsExhausted = false;
  #inFlight: ProducerBatch | undefined;

  constructor(
    readonly topic: string,
    readonly partition: number,
  ) {}

  add(pendingSend: PendingSend): void {
    for (const record of pendingSend.records) this.#queued.push(record);
    this.#queuedBytes += pendingSend.bytes;
  }

  /** True when all epochs of the producer id are used up for this partition. */
  get needsNewProducerId(): boolean {
    return this.#epochsExhausted;
  }

  setProducerId(producerId: bigint): void {
    this.identity = { producerId, epoch: 0, sequence: 0 };
    this.#epochsExhausted = false;
  }

  get isEmpty(): boolean {
    return !this.#inFlight && this.#retries.length === 0 && this.#queued.length === 0;
  }

  /** True when the queued records fill a batch. */
  isFull(limits: BatchLimits): boolean {
    return this.#queued.length >= limits.records || this.#queuedBytes >= limits.bytes;
  }

  /** When (epoch ms) the next batch is due: full batches and retries at once, others after `lingerMs`. */
  due(lingerMs: number, limits: BatchLimits): number {
    if (this.#inFlight) return Infinity;
    if (this.#retries.length > 0) return this.#notBefore;
    if (this.#queued.length === 0) return Infinity;
    return this.isFull(limits) ? this.#notBefore : Math.max(this.#notBefore, this.#queued[0]!.pendingSend.enqueuedAt + lingerMs);
  }

  /** True when a batch can be sent now, even before its linger time, along with other partitions. */
  canSend(now: number): boolean {
    return !this.#inFlight && now >= this.#notBefore && (this.#retries.length > 0 || this.#queued.length > 0);
  }

  /** Puts the next batch in flight, until {@link handleResponse}, {@link handleNoResponse} or {@link handleNotSent} is called for it. */
  nextBatch(limits: BatchLimits): ProducerBatch {
    this.#inFlight = this.#retries.shift() ?? { records: this.#drainQueue(limits), attempts: 0, maybeAppended: false };
    return this.#inFlight;
  }

  #drainQueue(limits: BatchLimits): QueuedRecord[] {
    let bytes = 0;
    let count = 0;
    for (const record of this.#queued) {
      if (count > 0 && (count >= limits.records || bytes + record.bytes > limits.bytes)) break;
      bytes += record.bytes;
      count++;
    }
    this.#queuedBytes -= bytes;
    return this.#queued.splice(0, count);
  }

  /** Handles the response to the batch in flight and returns the action taken. */
  handleResponse(batch: ProducerBatch, errorCode: number, baseOffset: number, notBefore: number): ProduceAction {
    const { name, action, maybeAppended = false } = produceResult(errorCode);
    this.#inFlight = undefined;
    if (action === 'appended') this.#appended(batch, name === 'NONE' ? baseOffset : -1);
    else if (action === 'split') this.#split(batch, name);
    else if (action === 'fail') this.#fail(batch, 'refused', `rejected by the broker: ${name}`, maybeAppended);
    else {
      if (action === 'bump epoch') this.#bumpEpoch();
      this.#retry(batch, name, maybeAppended, notBefore);
    }
    return action;
  }

  /** The attempt ended without a response. */
  handleNoResponse(batch: ProducerBatch, reason: string, notBefore: number): void {
    this.#inFlight = undefined;
    this.#retry(batch, reason, true, notBefore);
  }

  /** The attempt failed before the request was sent. */
  handleNotSent(batch: ProducerBatch, reason: string, notBefore: number): void {
    this.#inFlight = undefined;
    this.#retry(batch, reason, false, notBefore);
  }

  /** Sends nothing before `notBefore`, because the partition has no known leader. */
  backOffUntil(notBefore: number, reason: string): void {
    this.#notBefore = notBefore;
    this.#lastError = reason;
  }

  /** Fails the records past their deadline: unsent records are dropped, sent batches are not retried. */
  expire(now: number): void {
    for (const { pendingSend } of this.#allRecords()) {
      if (pendingSend.settled || pendingSend.deadline > now) continue;
      const waited = `not acknowledged within ${pendingSend.deadline - pendingSend.enqueuedAt} ms`;
      pendingSend.abort('timed out', this.#lastError ? `${waited}: ${this.#lastError}` : waited);
    }
    this.#removeSettled();
  }

  /** Fails all records. */
  close(): void {
    for (const { pendingSend } of this.#allRecords()) pendingSend.abort('closed', 'producer closed');
    this.#removeSettled();
  }

  *#allRecords(): Iterable<QueuedRecord> {
    if (this.#inFlight) yield* this.#inFlight.records;
    for (const { records } of this.#retries) yield* records;
    yield* this.#queued;
  }

  #removeSettled(): void {
    if (this.#queued.some(({ pendingSend }) => pendingSend.settled)) {
      this.#queued = this.#queued.filter(({ pendingSend }) => !pendingSend.settled);
      this.#queuedBytes = this.#queued.reduce((sum, { bytes }) => sum + bytes, 0);
    }
    for (const batch of this.#retries) if (isAbandoned(batch) && batch.maybeAppended) this.#bumpEpoch();
    this.#retries = this.#retries.filter((batch) => !isAbandoned(batch));
  }

  #appended({ records }: ProducerBatch, baseOffset: number): void {
    if (this.identity) this.identity = { ...this.identity, sequence: (this.identity.sequence + records.length) % SEQUENCE_COUNT };
    this.#notBefore = 0;
    this.#lastError = '';
    records.forEach((record, index) => record.pendingSend.confirmed(record, baseOffset < 0 ? -1 : baseOffset + index));
  }

  /** Halves the batch, so that in the end only the offending record fails. */
  #split(batch: ProducerBatch, name: string): void {
    const { records, maybeAppended } = batch;
    if (records.length === 1 || maybeAppended) {
      const failure = name.endsWith('TOO_LARGE') ? 'too large' : 'refused';
      this.#fail(batch, failure, `rejected by the broker: ${name}, ${records[0]!.bytes} bytes`, maybeAppended);
      return;
    }
    const middle = Math.ceil(records.length / 2);
    const halves = [records.slice(0, middle), records.slice(middle)];
    this.#retries.unshift(...halves.map((half) => ({ records: half, attempts: batch.attempts, maybeAppended: false })));
  }

  #retry(batch: ProducerBatch, reason: string, maybeAppended: boolean, notBefore: number): void {
    batch.attempts++;
    this.#lastError = reason;
    batch.maybeAppended ||= maybeAppended;
    this.#notBefore = notBefore;
    if (!isAbandoned(batch)) this.#retries.unshift(batch);
    else if (batch.maybeAppended) this.#bumpEpoch();
  }

  #fail({ records, maybeAppended }: ProducerBatch, failure: PublishFailure, message: string, maybe: boolean): void {
    if (maybeAppended || maybe) this.#bumpEpoch();
    for (const record of records) record.pendingSend.failed(record, failure, message);
  }

  /**
   * Starts the next epoch at sequence 0. Once the broker has seen it, it rejects requests of older epochs:
   * an abandoned batch cannot be appended after later records.
   */
  #bumpEpoch(): void {
    if (!this.identity) return;
    const { producerId, epoch } = this.identity;
    this.#epochsExhausted = epoch === MAX_EPOCH;
    this.identity = this.#epochsExhausted ? undefined : { producerId, epoch: epoch + 1, sequence: 0 };
  }
}

const isAbandoned = ({ records }: ProducerBatch): boolean => records.every(({ pendingSend }) => pendingSend.settled);
