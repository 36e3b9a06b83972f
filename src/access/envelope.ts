import type { RawEvent } from '../topics.js';
import { Rejection } from './rejection.js';

/** An event, encoded for the log. */
export interface EncodedEvent {
  /** Ordering key: the event's business or source. */
  readonly key: string;
  readonly json: string;
  /** Bytes of `json` in UTF-8. */
  readonly bytes: number;
}

/** A record of the log. */
export interface PackedRecord<T extends EncodedEvent = EncodedEvent> {
  readonly key: string;
  readonly value: string | Buffer;
  readonly partition: number;
  readonly members: readonly T[];
}

/** Limits of one record: large enough to publish efficiently, small enough for one batch. */
export const ENVELOPE_EVENTS = 200;
export const ENVELOPE_BYTES = 262_144;

const OPEN = '{"v":1,"events":[';
const CLOSE = ']}';

/** Encodes the event once; returns T1104 when it exceeds `maxBytes`. */
export function encode(event: RawEvent, key: 'bk_biz_id' | 'event_source', maxBytes: number): EncodedEvent | Rejection {
  const json = JSON.stringify(event);
  const bytes = Buffer.byteLength(json);
  if (bytes > maxBytes) return new Rejection('T1104', `${bytes} bytes, at most ${maxBytes}`);
  return { key: event[key], json, bytes };
}

/** Rejection of an event that passed {@link encode} but exceeds the limit of the log. */
export const tooLarge = ({ bytes }: EncodedEvent): Rejection => new Rejection('T1104', `${bytes} bytes exceed max.message.bytes of the topic`);

/**
 * Events of one partition as records, in order: `{"v":1,"events":[…]}` of at most {@link ENVELOPE_EVENTS} events and {@link ENVELOPE_BYTES} bytes,
 * an event that stays alone as it is. The key of a record is that of its first event; `members` are its events.
 * @param most events in a record
 * @param wrap JSON of a record as its bytes
 */
export function pack<T extends EncodedEvent>(
  events: readonly T[],
  partition: number,
  { most = ENVELOPE_EVENTS, wrap = (json) => json }: { most?: number; wrap?: (json: string) => string | Buffer } = {},
): PackedRecord<T>[] {
  const records: PackedRecord<T>[] = [];
  for (let start = 0; start < events.length;) {
    const end = fill(events, start, most);
    const members = events.slice(start, end);
    const json = members.length === 1 ? members[0]!.json : OPEN + members.map((member) => member.json).join(',') + CLOSE;
    records.push({ key: members[0]!.key, value: wrap(json), partition, members });
    start = end;
  }
  return records;
}

/** Splits records that the log rejected as too large: `alone` are single events, which can never succeed; `shared` are envelopes to split. */
export function splitTooLarge<T extends EncodedEvent>(
  records: readonly PackedRecord<T>[],
  refused: readonly number[],
): { alone: T[]; shared: PackedRecord<T>[] } {
  const large = refused.map((index) => records[index]!);
  return { alone: large.flatMap(({ members }) => (members.length === 1 ? members : [])), shared: large.filter(({ members }) => members.length > 1) };
}

/** End index of the envelope that starts with the event at `start`. */
function fill(events: readonly EncodedEvent[], start: number, most: number): number {
  let bytes = OPEN.length + CLOSE.length + events[start]!.bytes;
  let end = start + 1;
  while (end < events.length && end - start < most && bytes + events[end]!.bytes + 1 <= ENVELOPE_BYTES) {
    bytes += events[end++]!.bytes + 1;
  }
  return end;
}
