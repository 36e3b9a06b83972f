/** Seconds, milliseconds, microseconds and nanoseconds since 1970 tell themselves apart by their size, from 2001-09-09 to 5138-11-16. */
const units: readonly { from: number; perMillisecond: number }[] = [
  { from: 1e18, perMillisecond: 1e6 },
  { from: 1e15, perMillisecond: 1e3 },
  { from: 1e12, perMillisecond: 1 },
  { from: 1e9, perMillisecond: 1e-3 },
];
/** Each unit ends so much above its start; between the units lies nothing plausible. */
const SPAN = 100;

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)?$/;
const digits = /^\d+(?:\.\d+)?$/;

/** Clocks differ a little; an event from further in the future than this happened now. */
export const FUTURE_MS = 60_000;
/** So far in the future there is no clock that goes wrong, but a number that is no time. */
const MAX_FUTURE_MS = 366 * 86_400_000;
/** Earliest plausible time (2001-09-09), latest one (5138-11-16). */
const OLDEST_MS = 1e12;
const LATEST_MS = 1e14;

/** The time of an event that says it happened at `time` (ms): now when that lies in the future, undefined when it is absurd. */
export function eventTimestamp(time: number, now: number): number | undefined {
  if (!(time >= OLDEST_MS) || time > now + MAX_FUTURE_MS) return undefined;
  return time > now + FUTURE_MS ? now : time;
}

/** Epoch milliseconds of a number in s, ms, µs or ns since 1970, of the same as text, or of an RFC 3339 text; undefined when it is no plausible time. */
export function readTime(value: number | string): number | undefined {
  if (typeof value === 'number') return fromNumber(value);
  return digits.test(value) ? fromNumber(Number(value)) : plausible(parseRfc3339(value));
}

/** Epoch milliseconds of an RFC 3339 text with any fraction; a blank may stand for the T, and no zone means UTC. Undefined when it is none. */
export function parseRfc3339(text: string): number | undefined {
  const zone = rfc3339.exec(text);
  if (!zone) return undefined;
  const time = Date.parse(`${text.slice(0, 10)}T${text.slice(11).toUpperCase()}${zone[1] ? '' : 'Z'}`);
  return Number.isNaN(time) ? undefined : time;
}

function fromNumber(value: number): number | undefined {
  for (const { from, perMillisecond } of units) {
    if (value >= from) return value < from * SPAN ? Math.floor(value / perMillisecond) : undefined;
  }
  return undefined;
}

function plausible(time: number | undefined): number | undefined {
  return time !== undefined && time >= OLDEST_MS && time < LATEST_MS ? time : undefined;
}
