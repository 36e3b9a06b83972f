/** The size of a number distinguishes seconds, milliseconds, microseconds and nanoseconds since 1970, from 2001-09-09 to 5138-11-16. */
const units: readonly { from: number; perMillisecond: number }[] = [
  { from: 1e18, perMillisecond: 1e6 },
  { from: 1e15, perMillisecond: 1e3 },
  { from: 1e12, perMillisecond: 1 },
  { from: 1e9, perMillisecond: 1e-3 },
];
/** The range of each unit spans a factor of 100; numbers between the ranges are implausible. */
const SPAN = 100;

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)?$/;
const digits = /^\d+(?:\.\d+)?$/;

/** Tolerance for clock skew (ms); an event further in the future gets the current time. */
export const FUTURE_MS = 60_000;
/** Beyond this (ms) in the future, the number is not a timestamp. */
const MAX_FUTURE_MS = 366 * 86_400_000;
/** Earliest (2001-09-09) and latest (5138-11-16) plausible time. */
const OLDEST_MS = 1e12;
const LATEST_MS = 1e14;

/** Timestamp of an event that reports `time` (ms): now when `time` is in the future, undefined when it is implausible. */
export function eventTimestamp(time: number, now: number): number | undefined {
  if (!(time >= OLDEST_MS) || time > now + MAX_FUTURE_MS) return undefined;
  return time > now + FUTURE_MS ? now : time;
}

/** Parses epoch s, ms, µs or ns, as a number or as text, or an RFC 3339 time, to epoch milliseconds; undefined when it is not a plausible time. */
export function readTime(value: number | string): number | undefined {
  if (typeof value === 'number') return fromNumber(value);
  return digits.test(value) ? fromNumber(Number(value)) : plausible(parseRfc3339(value));
}

/** Parses an RFC 3339 time to epoch milliseconds; allows any fraction, a space instead of the T, and no zone (UTC). Undefined for other text. */
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
