import type { ErrorCode } from '../shared/errors.js';
import type { RawEvent } from '../topics.js';
import type { DropReason } from './counts.js';
import { type EncodedEvent, tooLarge } from './envelope.js';
import type { Item } from './formats/format.js';
import { Skipped, Rejection } from './rejection.js';

export interface ItemError {
  /** Index of the item in the request, from 0. */
  readonly index: number;
  readonly code: ErrorCode;
  readonly message: string;
}

/** Result of the items of a request before they are published. */
export interface IngestResult {
  readonly events: EncodedEvent[];
  /** Index in the request of each event. */
  readonly places: number[];
  /** Errors of rejected items, and of items that are too old. */
  readonly errors: ItemError[];
  readonly dropped: Partial<Record<DropReason, number>>;
  /** Events with a timestamp in the future, which was set to now. */
  clamped: number;
}

/** Decides whether a valid event is admitted. */
export interface AdmissionPolicy {
  /** Time of the request (ms). */
  readonly now: number;
  /** Age (ms) from which an event is dropped; 0: none is. */
  readonly maxAge: number;
  /** Whether a degrade switch drops the event. */
  readonly isShed: (event: RawEvent) => boolean;
  /** Encodes the event for the log. */
  readonly encode: (event: RawEvent) => EncodedEvent | Rejection;
}

export const emptyIngestResult = (): IngestResult => ({ events: [], places: [], errors: [], dropped: {}, clamped: 0 });

/** Admits, rejects or drops each item of a request; an invalid item does not affect the others. */
export function admitItems(items: readonly Item[], policy: AdmissionPolicy): IngestResult {
  const result = emptyIngestResult();
  for (let index = 0; index < items.length; index++) {
    const item = items[index]!;
    if (item instanceof Rejection) result.errors.push({ index, ...item });
    else if (item instanceof Skipped) drop(result, item.reason);
    else {
      if (item.clamped) result.clamped++;
      admitEvent(item.event, index, policy, result);
    }
  }
  return result;
}

/** Admits, rejects or drops one event. `index` is its index in the request. */
export function admitEvent(event: RawEvent, index: number, { now, maxAge, isShed, encode }: AdmissionPolicy, into: IngestResult): void {
  if (expired(event, now, maxAge)) {
    drop(into, 'expired');
    into.errors.push({ index, code: 'T1015', message: `age ${now - event.timestamp} ms, at most ${maxAge}` });
  } else if (isShed(event)) drop(into, 'degraded');
  else {
    const encoded = encode(event);
    if (encoded instanceof Rejection) into.errors.push({ index, ...encoded });
    else {
      into.events.push(encoded);
      into.places.push(index);
    }
  }
}

/** The result after the log rejected some events as too large: they become errors, in the order of the items. */
export function withoutTooLarge(result: IngestResult, refused: readonly EncodedEvent[]): IngestResult {
  if (refused.length === 0) return result;
  const out = new Set(refused);
  const errors = result.events.flatMap((event, index) => (out.has(event) ? [{ index: result.places[index]!, ...tooLarge(event) }] : []));
  return {
    ...result,
    events: result.events.filter((event) => !out.has(event)),
    places: result.places.filter((_, index) => !out.has(result.events[index]!)),
    errors: [...result.errors, ...errors].sort((a, b) => a.index - b.index),
  };
}

/** Whether an event is older than `maxAge`; external alerts are exempt because they carry their own end. */
export function expired(event: RawEvent, now: number, maxAge: number): boolean {
  return maxAge > 0 && event.event_type !== 'alert' && now - event.timestamp > maxAge;
}

function drop({ dropped }: IngestResult, reason: DropReason): void {
  dropped[reason] = (dropped[reason] ?? 0) + 1;
}
