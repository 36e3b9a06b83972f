import { flawOf } from '../shared/json.js';
import type { RawEvent } from '../topics.js';
import { businessName, businessFormat } from './business.js';
import { longerThan, readDimensions } from './labels.js';
import { readLease } from './lease.js';
import { Rejection } from './rejection.js';
import { readTime, eventTimestamp } from './time.js';

/** Maximum nesting depth inside one event; the record and the envelope around it add three levels. */
export const EVENT_DEPTH = 24;
/** Maximum bytes of a metric name, an event name, a source or an id. */
const MAX_TEXT_BYTES = 256;

/** Values that all items of one request share. */
export interface IngestContext {
  /** Time of arrival (ms). */
  readonly now: number;
  /** Business of items that name none; undefined when every item must name one. */
  readonly business: string | undefined;
  /** Identity of the request's content: the same bytes, sent again, produce the same ids. */
  readonly contentId: string;
  /** Identity of this request, for items without a time: sent again, they are new events. */
  readonly requestId: string;
}

export interface Normalised {
  readonly event: RawEvent;
  /** The timestamp was in the future and was set to now. */
  readonly clamped: boolean;
}

type Fields = Readonly<Record<string, unknown>>;
type FieldsReader = (raw: Fields, now: number) => RawEvent['raw_data'] | Rejection;

const readers: ReadonlyMap<unknown, FieldsReader> = new Map<unknown, FieldsReader>([
  ['metric', readMetric],
  ['event', readCustomEvent],
  ['log', readLog],
  ['alert', readLease],
]);

/**
 * Converts one item of a request to the event that is published, which fits `topics.rawEvents`, or returns a rejection.
 * The item is not changed; unknown fields pass through, numbers and booleans in dimensions become text, and an item without an id gets one derived
 * from the request and the item's index.
 */
export function normalise(item: unknown, index: number | string, request: IngestContext): Normalised | Rejection {
  const flaw = flawOf(item, EVENT_DEPTH);
  if (flaw) return flaw === 'proto' ? new Rejection('T1006', 'in the event') : new Rejection('T1005', `event has more than ${EVENT_DEPTH} levels`);
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return new Rejection('T1101', 'event must be an object');
  const given = item as Fields;
  // A record whose event had this field would be read as an envelope.
  if ('events' in given) return new Rejection('T1101', 'events is not a field of an event');
  const read = readers.get(given['event_type']);
  if (!read) return new Rejection('T1101', `event_type must be one of ${[...readers.keys()].join(', ')}`);
  const business = businessName(given['bk_biz_id'] ?? request.business);
  if (business === undefined) return new Rejection('T1101', `bk_biz_id must be ${businessFormat}`);
  const source = readName(given['event_source'], 'event_source');
  if (source instanceof Rejection) return source;
  const id = readId(given, index, request);
  if (id instanceof Rejection) return id;
  const time = readEventTime(given['timestamp'], request.now);
  if (time instanceof Rejection) return time;
  const timestamp = eventTimestamp(time, request.now);
  if (timestamp === undefined) return invalidTimestamp(given['timestamp']);
  const raw = given['raw_data'];
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return new Rejection('T1101', 'raw_data must be an object');
  const rawData = read(raw as Fields, timestamp);
  if (rawData instanceof Rejection) return rawData;
  const event = { event_id: id, event_type: given['event_type'], bk_biz_id: business, event_source: source, timestamp, raw_data: rawData };
  return { event: withUnknown(event, given) as RawEvent, clamped: timestamp !== time };
}

/** Adds the unknown fields of `given` to `read`. */
function withUnknown<T extends object>(read: T, given: Fields): T {
  for (const name in given) {
    if (!Object.hasOwn(read, name)) (read as Record<string, unknown>)[name] = given[name];
  }
  return read;
}

/** A non-empty name of limited length; an integer equals its text. */
function readName(value: unknown, what: string): string | Rejection {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text !== 'string' || text === '') return new Rejection('T1101', `${what} must be a string`);
  return longerThan(text, MAX_TEXT_BYTES) ? new Rejection('T1101', `${what} must be a string of at most ${MAX_TEXT_BYTES} bytes`) : text;
}

function readId(given: Fields, index: number | string, request: IngestContext): string | Rejection {
  if (given['event_id'] !== undefined && given['event_id'] !== null) return readName(given['event_id'], 'event_id');
  return `${hasNoTimestamp(given['timestamp']) ? request.requestId : request.contentId}-${index}`;
}

function hasNoTimestamp(timestamp: unknown): boolean {
  return timestamp === undefined || timestamp === null;
}

function readEventTime(timestamp: unknown, now: number): number | Rejection {
  if (hasNoTimestamp(timestamp)) return now;
  if (typeof timestamp !== 'number' && typeof timestamp !== 'string')
    return new Rejection('T1101', 'timestamp must be a number or an RFC 3339 string');
  return readTime(timestamp) ?? invalidTimestamp(timestamp);
}

function invalidTimestamp(timestamp: unknown): Rejection {
  return new Rejection('T1103', `timestamp ${String(timestamp).slice(0, 40)}`);
}

function readMetric(raw: Fields): RawEvent['raw_data'] | Rejection {
  const metric = readName(raw['metric'], 'raw_data.metric');
  if (metric instanceof Rejection) return metric;
  const value = raw['value'];
  if (typeof value !== 'number') return notNumber(value);
  if (!Number.isFinite(value)) return new Rejection('T1102', 'raw_data.value');
  const dimensions = readDimensions(raw['dimensions'], 'raw_data.dimensions');
  return dimensions instanceof Rejection ? dimensions : withUnknown({ metric, value, dimensions }, raw);
}

function notNumber(value: unknown): Rejection {
  const infinite = typeof value === 'string' && /^\s*[+-]?(?:nan|inf|infinity)\s*$/i.test(value);
  return infinite ? new Rejection('T1102', `raw_data.value is ${value.trim()}`) : new Rejection('T1101', 'raw_data.value must be a number');
}

function readCustomEvent(raw: Fields): RawEvent['raw_data'] | Rejection {
  const name = readName(raw['event_name'], 'raw_data.event_name');
  if (name instanceof Rejection) return name;
  const content = raw['content'] ?? undefined;
  if (content !== undefined && typeof content !== 'string') return new Rejection('T1101', 'raw_data.content must be a string');
  const level = readLevel(raw['level'] ?? undefined);
  if (level instanceof Rejection) return level;
  const dimensions = readDimensions(raw['dimensions'], 'raw_data.dimensions');
  return dimensions instanceof Rejection ? dimensions : withUnknown({ event_name: name, content, level, dimensions }, raw);
}

function readLog(raw: Fields): RawEvent['raw_data'] | Rejection {
  const content = raw['content'];
  if (typeof content !== 'string') return new Rejection('T1101', 'raw_data.content must be a string');
  const level = readLevel(raw['level'] ?? undefined);
  if (level instanceof Rejection) return level;
  const dimensions = readDimensions(raw['dimensions'], 'raw_data.dimensions');
  return dimensions instanceof Rejection ? dimensions : withUnknown({ content, level, dimensions }, raw);
}

function readLevel(level: unknown): string | undefined | Rejection {
  if (level === undefined || typeof level === 'string') return level;
  const plain = typeof level === 'boolean' || (typeof level === 'number' && Number.isFinite(level));
  return plain ? String(level) : new Rejection('T1101', 'raw_data.level must be a string or a number');
}
