import type { ExternalAlert } from '../topics.js';
import { labelProblem, readDimensions, type EventLabels } from './labels.js';
import { Rejection } from './rejection.js';
import { parseRfc3339, readTime } from './time.js';

/** Lifetime (ms) of an alert whose sender gives no end (Alertmanager's resolve_timeout). */
export const RESOLVE_TIMEOUT_MS = 300_000;
/** Go's zero time: the sender set no time. */
const NOT_GIVEN = /^0001-01-01[Tt ]00:00:00(?:\.0+)?(?:[Zz]|[+-]00:00)?$/;

export type Lease = ExternalAlert['raw_data'];

/**
 * Reads the alert of an external sender as a lease: non-empty labels, annotations, start and end (ms). Start defaults to the end, or now; end
 * defaults to now + {@link RESOLVE_TIMEOUT_MS}, marked as an estimate by Tocsin (`timeout`). Unknown fields pass through.
 */
export function readLease(raw: Readonly<Record<string, unknown>>, now: number): Lease | Rejection {
  const labels = readDimensions(withoutEmpty(raw['labels']), 'labels');
  if (labels instanceof Rejection) return labels;
  if (Object.keys(labels).length === 0) return new Rejection('T1101', 'at least one label pair required');
  const annotations = readAnnotations(raw['annotations']);
  if (annotations instanceof Rejection) return annotations;
  const times = readTimes(raw['startsAt'], raw['endsAt'], now);
  if (times instanceof Rejection) return times;
  const { generatorURL, timeout: _estimate, ...rest } = raw;
  const link = typeof generatorURL === 'string' && generatorURL !== '' ? { generatorURL } : {};
  return { ...rest, labels, annotations, ...times, ...link };
}

/** Removes labels that are empty or null, which equal absent ones. */
function withoutEmpty(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value);
  const full = entries.filter(([, each]) => each !== null && each !== '');
  return full.length === entries.length ? value : Object.fromEntries(full);
}

/** Annotations are prose: number and names are limited here, their length only by the limit of the whole event. */
function readAnnotations(value: unknown): EventLabels | Rejection {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) return new Rejection('T1101', 'annotations must be an object');
  const annotations: EventLabels = {};
  let count = 0;
  for (const [name, each] of Object.entries(value as Record<string, string | number | boolean | object | null>)) {
    const problem = labelProblem(name, undefined, ++count, 'annotations');
    if (problem) return problem;
    if (each !== null && typeof each === 'object') return new Rejection('T1101', `annotations.${name} must be a string`);
    annotations[name] = each === null ? '' : String(each);
  }
  return annotations;
}

function readTimes(start: unknown, end: unknown, now: number): Pick<Lease, 'startsAt' | 'endsAt' | 'timeout'> | Rejection {
  const startsAt = readAlertTime(start, 'startsAt');
  if (startsAt instanceof Rejection) return startsAt;
  const given = readAlertTime(end, 'endsAt');
  if (given instanceof Rejection) return given;
  const endsAt = given ?? now + RESOLVE_TIMEOUT_MS;
  if (startsAt !== undefined && endsAt < startsAt) return new Rejection('T1103', 'start time must be before end time');
  return given === undefined ? { startsAt: startsAt ?? now, endsAt, timeout: true } : { startsAt: startsAt ?? endsAt, endsAt };
}

/** Epoch ms; undefined when not given. Empty text means 1970, as in Alertmanager, and earlier times are clamped to it. */
function readAlertTime(value: unknown, what: string): number | Rejection | undefined {
  if (value === undefined || value === null) return undefined;
  if (value === '') return 0;
  if (typeof value !== 'string' && typeof value !== 'number') return new Rejection('T1101', `${what} must be a timestamp`);
  if (typeof value === 'string' && NOT_GIVEN.test(value)) return undefined;
  const time = (typeof value === 'string' ? parseRfc3339(value) : undefined) ?? readTime(value);
  return time === undefined ? new Rejection('T1103', `${what} is not an RFC 3339 timestamp`) : Math.max(0, time);
}
