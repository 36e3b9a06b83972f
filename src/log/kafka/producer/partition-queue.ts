import type { PublishFailure } from '../../publish-error.js';
import type { PendingSend, QueuedRecord } from './pending-send.js';
import type { BatchIdentity } from '../protocol/record-batch.js';
import { produceResult, type ProduceAction } from './produce-error.js';

/** Records that go to the broker together, again and again under the same sequence numbers, until it has handleResponse. */
export interface ProducerBatch {
  readonly records: readonly QueuedRecord[];
  attempts: number;
  /** A try has ended without an answer: the log may have the batch. */
  maybeAppended: boolean;
}

export interface BatchLimits {
  readonly records: number;
  readonly bytes: number;
}

/** Sequence numbers are 31 bits, epochs 15. */
const SEQUENCE_COUNT = 2 ** 31;
const MAX_EPOCH = 2 ** 15 - 1;

/**
 * What waits for one partition, and the sequence number that its next batch gets. One batch is under way at a time: a second one
 * could take the sequence numbers of a first whose answer was handleNoResponse, and the broker would take it for a repetition.
 */
export class PartitionQueue {
  /** What the next batch is known by; undefined until a producer id is there. */
  identity: BatchIdentity | undefined;
  #queued: QueuedRecord[] = [];
  #queuedBytes = 0;
  /** Batches that come again, or halves of one that was too large: they go before everything that waits. */
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

  /** True when the next batch needs a producer id that was never used for the partition. */
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

  /** True when the records that wait fill a batch. */
  isFull(limits: BatchLimits): boolean {
    return this.#queued.length >= limits.records || this.#queuedBytes >= limits.bytes;
  }

  /** When (epoch ms) the next batch should leave: full or repeated ones at once, others when the oldest record has waited for `lingerMs`. */
  due(lingerMs: number, limits: BatchLimits): number {
    if (this.#inFlight) return Infinity;
    if (this.#retries.length > 0) return this.#notBefore;
    if (this.#queued.length === 0) return Infinity;
    return this.isFull(limits) ? this.#notBefore : Math.max(this.#notBefore, this.#queued[0]!.pendingSend.enqueuedAt + lingerMs);
  }

  /** True when a batch may leave now, were it only for company. */
  canSend(now: number): boolean {
    return !this.#inFlight && now >= this.#notBefore && (this.#retries.length > 0 || this.#queued.length > 0);
  }

  /** The next batch; it is under way until {@link handleResponse}, {@link handleNoResponse} or {@link handleNotSent} is called for it. */
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

  /** The broker's answer to the batch under way. Answers what it meant. */
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

  /** The try ended without an answer. */
  handleNoResponse(batch: ProducerBatch, reason: string, notBefore: number): void {
    this.#inFlight = undefined;
    this.#retry(batch, reason, true, notBefore);
  }

  /** The try ended before anything was sent. */
  handleNotSent(batch: ProducerBatch, reason: string, notBefore: number): void {
    this.#inFlight = undefined;
    this.#retry(batch, reason, false, notBefore);
  }

  /** There is nobody to send to before `notBefore`. */
  backOffUntil(notBefore: number, reason: string): void {
    this.#notBefore = notBefore;
    this.#lastError = reason;
  }

  /** Gives up what nobody waits for any more: records that were never sent are forgotten, batches that were are never sent again. */
  expire(now: number): void {
    for (const { pendingSend } of this.#allRecords()) {
      if (pendingSend.settled || pendingSend.deadline > now) continue;
      const waited = `not acknowledged within ${pendingSend.deadline - pendingSend.enqueuedAt} ms`;
      pendingSend.abort('timed out', this.#lastError ? `${waited}: ${this.#lastError}` : waited);
    }
    this.#removeSettled();
  }

  /** Gives everything up at once. */
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

  /** Halves the batch, so that only the record that is at fault fails, alone, in the end. */
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
   * A new epoch begins with sequence 0. Once the broker has seen it, it refuses what is still on its way under the old one:
   * an abandoned batch cannot arrive after what was sent later.
   */
  #bumpEpoch(): void {
    if (!this.identity) return;
    const { producerId, epoch } = this.identity;
    this.#epochsExhausted = epoch === MAX_EPOCH;
    this.identity = this.#epochsExhausted ? undefined : { producerId, epoch: epoch + 1, sequence: 0 };
  }
}

const isAbandoned = ({ records }: ProducerBatch): boolean => records.every(({ pendingSend }) => pendingSend.settled);
