import type { PublishFailure } from '../../publish-error.js';
import type { Delivery, Queued } from './delivery.js';
import type { BatchIdentity } from '../protocol/record-batch.js';
import { meaning, type Verdict } from './produce-error.js';

/** Records that go to the broker together, again and again under the same sequence numbers, until it has answered. */
export interface Batch {
  readonly records: readonly Queued[];
  tries: number;
  /** A try has ended without an answer: the log may have the batch. */
  uncertain: boolean;
}

export interface BatchLimits {
  readonly records: number;
  readonly bytes: number;
}

/** Sequence numbers are 31 bits, epochs 15. */
const SEQUENCES = 2 ** 31;
const LAST_EPOCH = 2 ** 15 - 1;

/**
 * What waits for one partition, and the sequence number that its next batch gets. One batch is under way at a time: a second one
 * could take the sequence numbers of a first whose answer was lost, and the broker would take it for a repetition.
 */
export class PartitionQueue {
  /** What the next batch is known by; undefined until a producer id is there. */
  identity: BatchIdentity | undefined;
  #waiting: Queued[] = [];
  #bytes = 0;
  /** Batches that come again, or halves of one that was too large: they go before everything that waits. */
  #again: Batch[] = [];
  #notBefore = 0;
  #reason = '';
  #epochsAreUsedUp = false;
  #underWay: Batch | undefined;

  constructor(
    readonly topic: string,
    readonly partition: number,
  ) {}

  add(delivery: Delivery): void {
    for (const record of delivery.records) this.#waiting.push(record);
    this.#bytes += delivery.bytes;
  }

  /** True when the next batch needs a producer id that was never used for the partition. */
  get needsNewProducer(): boolean {
    return this.#epochsAreUsedUp;
  }

  identify(producerId: bigint): void {
    this.identity = { producerId, epoch: 0, sequence: 0 };
    this.#epochsAreUsedUp = false;
  }

  get isEmpty(): boolean {
    return !this.#underWay && this.#again.length === 0 && this.#waiting.length === 0;
  }

  /** True when the records that wait fill a batch. */
  isFull(limits: BatchLimits): boolean {
    return this.#waiting.length >= limits.records || this.#bytes >= limits.bytes;
  }

  /** When (epoch ms) the next batch should leave: full or repeated ones at once, others when the oldest record has waited for `lingerMs`. */
  due(lingerMs: number, limits: BatchLimits): number {
    if (this.#underWay) return Infinity;
    if (this.#again.length > 0) return this.#notBefore;
    if (this.#waiting.length === 0) return Infinity;
    return this.isFull(limits) ? this.#notBefore : Math.max(this.#notBefore, this.#waiting[0]!.delivery.at + lingerMs);
  }

  /** True when a batch may leave now, were it only for company. */
  canSend(now: number): boolean {
    return !this.#underWay && now >= this.#notBefore && (this.#again.length > 0 || this.#waiting.length > 0);
  }

  /** The next batch; it is under way until {@link answered}, {@link lost} or {@link unsent} is called for it. */
  take(limits: BatchLimits): Batch {
    this.#underWay = this.#again.shift() ?? { records: this.#cut(limits), tries: 0, uncertain: false };
    return this.#underWay;
  }

  #cut(limits: BatchLimits): Queued[] {
    let bytes = 0;
    let count = 0;
    for (const record of this.#waiting) {
      if (count > 0 && (count >= limits.records || bytes + record.bytes > limits.bytes)) break;
      bytes += record.bytes;
      count++;
    }
    this.#bytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  /** The broker's answer to the batch under way. Answers what it meant. */
  answered(batch: Batch, code: number, offset: number, notBefore: number): Verdict {
    const { name, verdict, uncertain = false } = meaning(code);
    this.#underWay = undefined;
    if (verdict === 'appended') this.#appended(batch, name === 'NONE' ? offset : -1);
    else if (verdict === 'divide') this.#divide(batch, name);
    else if (verdict === 'refused') this.#fail(batch, 'refused', `rejected by the broker: ${name}`, uncertain);
    else {
      if (verdict === 'fresh epoch') this.#renew();
      this.#repeat(batch, name, uncertain, notBefore);
    }
    return verdict;
  }

  /** The try ended without an answer. */
  lost(batch: Batch, reason: string, notBefore: number): void {
    this.#underWay = undefined;
    this.#repeat(batch, reason, true, notBefore);
  }

  /** The try ended before anything was sent. */
  unsent(batch: Batch, reason: string, notBefore: number): void {
    this.#underWay = undefined;
    this.#repeat(batch, reason, false, notBefore);
  }

  /** There is nobody to send to before `notBefore`. */
  waitUntil(notBefore: number, reason: string): void {
    this.#notBefore = notBefore;
    this.#reason = reason;
  }

  /** Gives up what nobody waits for any more: records that were never sent are forgotten, batches that were are never sent again. */
  expire(now: number): void {
    for (const { delivery } of this.#all()) {
      if (delivery.settled || delivery.deadline > now) continue;
      const waited = `not acknowledged within ${delivery.deadline - delivery.at} ms`;
      delivery.giveUp('timed out', this.#reason ? `${waited}: ${this.#reason}` : waited);
    }
    this.#sweep();
  }

  /** Gives everything up at once. */
  close(): void {
    for (const { delivery } of this.#all()) delivery.giveUp('closed', 'producer closed');
    this.#sweep();
  }

  *#all(): Iterable<Queued> {
    if (this.#underWay) yield* this.#underWay.records;
    for (const { records } of this.#again) yield* records;
    yield* this.#waiting;
  }

  #sweep(): void {
    if (this.#waiting.some(({ delivery }) => delivery.settled)) {
      this.#waiting = this.#waiting.filter(({ delivery }) => !delivery.settled);
      this.#bytes = this.#waiting.reduce((sum, { bytes }) => sum + bytes, 0);
    }
    for (const batch of this.#again) if (isForgotten(batch) && batch.uncertain) this.#renew();
    this.#again = this.#again.filter((batch) => !isForgotten(batch));
  }

  #appended({ records }: Batch, offset: number): void {
    if (this.identity) this.identity = { ...this.identity, sequence: (this.identity.sequence + records.length) % SEQUENCES };
    this.#notBefore = 0;
    this.#reason = '';
    records.forEach((record, index) => record.delivery.confirmed(record, offset < 0 ? -1 : offset + index));
  }

  /** Halves the batch, so that only the record that is at fault fails, alone, in the end. */
  #divide(batch: Batch, name: string): void {
    const { records, uncertain } = batch;
    if (records.length === 1 || uncertain) {
      const failure = name.endsWith('TOO_LARGE') ? 'too large' : 'refused';
      this.#fail(batch, failure, `rejected by the broker: ${name}, ${records[0]!.bytes} bytes`, uncertain);
      return;
    }
    const middle = Math.ceil(records.length / 2);
    const halves = [records.slice(0, middle), records.slice(middle)];
    this.#again.unshift(...halves.map((half) => ({ records: half, tries: batch.tries, uncertain: false })));
  }

  #repeat(batch: Batch, reason: string, uncertain: boolean, notBefore: number): void {
    batch.tries++;
    this.#reason = reason;
    batch.uncertain ||= uncertain;
    this.#notBefore = notBefore;
    if (!isForgotten(batch)) this.#again.unshift(batch);
    else if (batch.uncertain) this.#renew();
  }

  #fail({ records, uncertain }: Batch, failure: PublishFailure, message: string, maybe: boolean): void {
    if (uncertain || maybe) this.#renew();
    for (const record of records) record.delivery.failed(record, failure, message);
  }

  /**
   * A new epoch begins with sequence 0. Once the broker has seen it, it refuses what is still on its way under the old one:
   * an abandoned batch cannot arrive after what was sent later.
   */
  #renew(): void {
    if (!this.identity) return;
    const { producerId, epoch } = this.identity;
    this.#epochsAreUsedUp = epoch === LAST_EPOCH;
    this.identity = this.#epochsAreUsedUp ? undefined : { producerId, epoch: epoch + 1, sequence: 0 };
  }
}

const isForgotten = ({ records }: Batch): boolean => records.every(({ delivery }) => delivery.settled);
