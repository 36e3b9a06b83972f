import type { Normalised, IngestContext } from '../normalise.js';
import type { Skipped, Rejection } from '../rejection.js';
import type { Mapping } from './mapping.js';

/** What a format needs to know beside the bytes: of a request, or of a record of a Kafka source. */
export interface FormatRequest extends IngestContext {
  /** Content type, where the bytes came with one. */
  readonly contentType?: string | undefined;
  /** Headers with lower-case names, of the request or of the record; CloudEvents in binary mode have their attributes there. */
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  /** Most items that are taken; more are T1010. */
  readonly most: number;
  /** The `event_source` of items that name none, in formats that have no such field: the name of the source. */
  readonly source?: string | undefined;
  /** How a sender's own JSON becomes events; only the format `mapping` asks for it. */
  readonly mapping?: Mapping | undefined;
}

/** What one item comes to: an event that fits `topics.rawEvents`, why it is refused, or why it makes no event although nothing is wrong. */
export type Item = Normalised | Rejection | Skipped;

/**
 * Turns what senders write into events. Pure: the same bytes and request make the same events with the same ids.
 * Throws {@link TocsinError} T1001 to T1019 when the bytes as a whole are not of the format, so that there are no items to tell apart.
 */
export interface Format {
  read(bytes: Buffer, request: FormatRequest): readonly Item[];
}
