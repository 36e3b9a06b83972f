import { type RawEvent, topics } from '../../src/topics.js';

/** Why a record can never work. */
export type PoisonReason = 'tombstone' | 'too large' | 'not UTF-8' | 'not JSON' | 'nested too deeply' | 'forbidden key' | 'not in the schema';

export type Decoded = { readonly events: readonly RawEvent[] } | { readonly poison: PoisonReason };

/** Arrays and objects inside each other that a record may have. */
const MAX_DEPTH = 32;
const forbidden = ['__proto__', 'constructor', 'prototype'];

/** The events of a record of raw_events in their order, or why there are none. */
export function decodeRecord(value: Buffer | string | null, maxBytes = Infinity): Decoded {
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

function eventsOf(json: unknown): Decoded {
  const harm = harmIn(json);
  if (harm) return { poison: harm };
  try {
    const record = topics.rawEvents.parse(json);
    return { events: 'events' in record ? (record.events as RawEvent[]) : [record] };
  } catch {
    return { poison: 'not in the schema' };
  }
}

/** Looks at every object and array, level by level and without recursion, so that depth cannot break it. */
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
