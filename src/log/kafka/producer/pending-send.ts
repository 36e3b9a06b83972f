import type { OutgoingRecord } from '../../event-log.js';
import { PublishError, type PublishFailure } from '../../publish-error.js';
import { type EncodableRecord, recordSizeUpperBound } from '../protocol/record-batch.js';

export interface QueuedRecord extends EncodableRecord {
  /** Index in the caller's list. */
  readonly index: number;
  readonly bytes: number;
  readonly pendingSend: PendingSend;
}

const length = (part: string | Buffer | null): number => (part === null ? -1 : typeof part === 'string' ? Buffer.byteLength(part) : part.length);

/** The records of one caller for one partition; calls back once, when all of them are settled. */
export class PendingSend {
  readonly records: QueuedRecord[] = [];
  bytes = 0;
  #unsettled = 0;
  #offset = -1;
  readonly #failedRecords: number[] = [];
  #failure: [PublishFailure, string] | undefined;

  /**
   * @param enqueuedAt epoch ms
   * @param deadline when the caller times out (epoch ms)
   * @param onSettled receives the offset of the first record (−1 when the broker does not return it) or the failure
   */
  constructor(
    readonly enqueuedAt: number,
    readonly deadline: number,
    private readonly onSettled: (result: number | PublishError) => void,
  ) {}

  /** Adds a record; only before the first one is sent. */
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

  /** Fails all records at once; later results are ignored. */
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
