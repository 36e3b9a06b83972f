import { type RawEvent, topics } from '../../src/topics.js';

/** Why a record is poison. */
export type PoisonReason = 'tombstone' | 'too large' | 'not UTF-8' | 'not JSON' | 'nested too deeply' | 'forbidden key' | 'not in the schema';

export type DecodedRecord = { readonly events: readonly RawEvent[] } | { readonly poison: PoisonReason };

/** Maximum nesting of arrays and objects in a record. */
const MAX_DEPTH = 32;
const forbidden = ['__proto__', 'constructor', 'prototype'];

/** The events of a record of raw_events in order, or why it is poison. */
export function decodeReferenceRecord(value: Buffer | string | null, maxBytes = Infinity): DecodedRecord {
  if (value === null) return { poison: 'tombstone' };
  const bytes = Buffer.from(value);
  if (bytes.length > maxBytes) return { poison: 'too large' };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { poison: 'not UTF-8' };
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { poison: 'not JSON' };
  }
  return eventsOf(json);
}

function eventsOf(json: unknown): DecodedRecord {
  const harm = harmIn(json);
  if (harm) return { poison: harm };
  try {
    const record = topics.rawEvents.parse(json);
    return { events: 'events' in record ? (record.events as RawEvent[]) : [record] };
  } catch {
    return { poison: 'not in the schema' };
  }
}

/** Visits every object and array level by level, without recursion, so that deep nesting cannot overflow the stack. */
function harmIn(json: unknown): PoisonReason | undefined {
  let values = [json];
  for (let depth = 0; values.length > 0; depth++) {
    const nested = values.filter((value) => typeof value === 'object' && value !== null);
    if (nested.length > 0 && depth >= MAX_DEPTH) return 'nested too deeply';
    if (nested.some((object) => forbidden.some((key) => Object.hasOwn(object, key)))) return 'forbidden key';
    values = nested.flatMap((object) => Object.values(object) as unknown[]);
  }
  return undefined;
}
