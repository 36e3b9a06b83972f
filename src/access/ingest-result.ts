import type { ErrorCode } from '../shared/errors.js';
import type { RawEvent } from '../topics.js';
import type { DropReason } from './counts.js';
import { type EncodedEvent, tooLarge } from './envelope.js';
import type { Item } from './formats/format.js';
import { Skipped, Rejection } from './rejection.js';

export interface ItemError {
  /** Place of the item in the request, from 0. */
  readonly index: number;
  readonly code: ErrorCode;
  readonly message: string;
}

/** What the items of a request come to before they are published. */
export interface IngestResult {
  readonly events: EncodedEvent[];
  /** Place in the request of each of the events. */
  readonly places: number[];
  /** What is wrong with items that are not taken; also what is too old is named here. */
  readonly errors: ItemError[];
  readonly dropped: Partial<Record<DropReason, number>>;
  /** Events whose time lay in the future and became now. */
  clamped: number;
}

/** What decides about an event that is all right in itself. */
export interface AdmissionPolicy {
  /** When the request came (ms). */
  readonly now: number;
  /** Age (ms) from which an event is dropped; 0: none is. */
  readonly maxAge: number;
  /** Whether a degrade switch drops the event. */
  readonly isShed: (event: RawEvent) => boolean;
  /** The event as it goes into the log. */
  readonly encode: (event: RawEvent) => EncodedEvent | Rejection;
}

export const emptyIngestResult = (): IngestResult => ({ events: [], places: [], errors: [], dropped: {}, clamped: 0 });

/** Sorts the items of a request: one that is refused or dropped costs only itself. */
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

/** One event more. `index` is its place in the request. */
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

/** The same request after the log has refused some of its events: they are items that are not taken, each in its place among the others. */
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

/** Whether an event is so old that nobody waits for it; alerts of external senders say themselves how long they hold. */
export function expired(event: RawEvent, now: number, maxAge: number): boolean {
  return maxAge > 0 && event.event_type !== 'alert' && now - event.timestamp > maxAge;
}

function drop({ dropped }: IngestResult, reason: DropReason): void {
  dropped[reason] = (dropped[reason] ?? 0) + 1;
}
