import type { OutgoingRecord } from '../../event-log.js';
import { PublishError, type PublishFailure } from '../../publish-error.js';
import { type Encodable, recordBytes } from '../protocol/record-batch.js';

/** A record on its way to a partition. */
export interface Queued extends Encodable {
  /** Its place in the list of the caller. */
  readonly index: number;
  readonly bytes: number;
  readonly delivery: Delivery;
}

const length = (part: string | Buffer | null): number => (part === null ? -1 : typeof part === 'string' ? Buffer.byteLength(part) : part.length);

/** The records that one caller has for one partition; it hears once, when the last of them is settled. */
export class Delivery {
  readonly records: Queued[] = [];
  bytes = 0;
  #left = 0;
  #offset = -1;
  readonly #failed: number[] = [];
  #reason: [PublishFailure, string] | undefined;

  /**
   * @param at when it was handed in, and
   * @param deadline when the caller no longer waits (epoch ms)
   * @param settle gets the offset of the first record, −1 when the broker does not say; or what failed
   */
  constructor(
    readonly at: number,
    readonly deadline: number,
    private readonly settle: (result: number | PublishError) => void,
  ) {}

  /** One more record, before the first is sent. */
  add({ key, value, headers }: OutgoingRecord, index: number): void {
    const sized = { key, value, headers, keyBytes: length(key), valueBytes: length(value), index, bytes: 0, delivery: this };
    sized.bytes = recordBytes(sized);
    this.bytes += sized.bytes;
    this.#left++;
    this.records.push(sized);
  }

  get settled(): boolean {
    return this.#left === 0;
  }

  confirmed(record: Queued, offset: number): void {
    if (record === this.records[0]) this.#offset = offset;
    this.#done();
  }

  failed(record: Queued, failure: PublishFailure, message: string): void {
    this.#reason ??= [failure, message];
    this.#failed.push(record.index);
    this.#done();
  }

  /** Tells the caller at once about all records; what becomes of them later changes nothing for it. */
  giveUp(failure: PublishFailure, message: string): void {
    if (this.settled) return;
    this.#left = 0;
    const all = this.records.map(({ index }) => index);
    this.settle(new PublishError(failure, message, all));
  }

  #done(): void {
    if (this.settled || --this.#left > 0) return;
    this.settle(this.#reason ? new PublishError(...this.#reason, this.#failed) : this.#offset);
  }
}
