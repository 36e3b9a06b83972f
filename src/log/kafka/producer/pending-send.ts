import type { OutgoingRecord } from '../../event-log.js';
import { PublishError, type PublishFailure } from '../../publish-error.js';
import { type EncodableRecord, recordSizeUpperBound } from '../protocol/record-batch.js';

/** A record on its way to a partition. */
export interface QueuedRecord extends EncodableRecord {
  /** Its place in the list of the caller. */
  readonly index: number;
  readonly bytes: number;
  readonly pendingSend: PendingSend;
}

const length = (part: string | Buffer | null): number => (part === null ? -1 : typeof part === 'string' ? Buffer.byteLength(part) : part.length);

/** The records that one caller has for one partition; it hears once, when the last of them is settled. */
export class PendingSend {
  readonly records: QueuedRecord[] = [];
  bytes = 0;
  #unsettled = 0;
  #offset = -1;
  readonly #failedRecords: number[] = [];
  #failure: [PublishFailure, string] | undefined;

  /**
   * @param enqueuedAt when it was handed in, and
   * @param deadline when the caller no longer waits (epoch ms)
   * @param onSettled gets the offset of the first record, −1 when the broker does not say; or what failed
   */
  constructor(
    readonly enqueuedAt: number,
    readonly deadline: number,
    private readonly onSettled: (result: number | PublishError) => void,
  ) {}

  /** One more record, before the first is sent. */
  add({ key, value, headers }: OutgoingRecord, index: number): void {
    const sized = { key, value, headers, keyBytes: length(key), valueBytes: length(value), index, bytes: 0, pendingSend: this };
    sized.bytes = recordSizeUpperBound(sized);
    this.bytes += sized.bytes;
    this.#unsettled++;
    this.records.push(sized);
  }

  get settled(): boolean {
    return this.#unsettled === 0;
  }

  confirmed(record: QueuedRecord, offset: number): void {
    if (record === this.records[0]) this.#offset = offset;
    this.#settleOne();
  }

  failed(record: QueuedRecord, failure: PublishFailure, message: string): void {
    this.#failure ??= [failure, message];
    this.#failedRecords.push(record.index);
    this.#settleOne();
  }

  /** Tells the caller at once about all records; what becomes of them later changes nothing for it. */
  abort(failure: PublishFailure, message: string): void {
    if (this.settled) return;
    this.#unsettled = 0;
    const all = this.records.map(({ index }) => index);
    this.onSettled(new PublishError(failure, message, all));
  }

  #settleOne(): void {
    if (this.settled || --this.#unsettled > 0) return;
    this.onSettled(this.#failure ? new PublishError(...this.#failure, this.#failedRecords) : this.#offset);
  }
}
