import type { Normalised, IngestContext } from '../normalise.js';
import type { Skipped, Rejection } from '../rejection.js';
import type { Mapping } from './mapping.js';

/** Context of the bytes: properties of the request, or of the record of a Kafka source. */
export interface FormatRequest extends IngestContext {
  /** Content type, if the bytes came with one. */
  readonly contentType?: string | undefined;
  /** Headers with lower-case names, of the request or of the record; CloudEvents in binary mode have their attributes there. */
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  /** Maximum number of items; more are rejected with T1010. */
  readonly most: number;
  /** The `event_source` of items that name none, in formats that have no such field: the name of the source. */
  readonly source?: string | undefined;
  /** Maps the sender's JSON to events; used only by the format `mapping`. */
  readonly mapping?: Mapping | undefined;
}

/** Result for one item: an event that fits `topics.rawEvents`, a rejection, or a reason why a valid item produces no event. */
export type Item = Normalised | Rejection | Skipped;

/**
 * Converts a sender's bytes to events. Pure: the same bytes and request produce the same events with the same ids.
 * Throws {@link TocsinError} T1001 to T1019 when the bytes as a whole do not match the format, so that they cannot be split into items.
 */
export interface Format {
  read(bytes: Buffer, request: FormatRequest): readonly Item[];
}
