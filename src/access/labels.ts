import { forbiddenKey } from '../shared/json.js';
import { Rejection } from './rejection.js';

/** Limits of one event's dimensions or labels: how many, and the bytes of a name and of a value. */
export const MAX_LABELS = 64;
export const MAX_NAME_BYTES = 128;
export const MAX_VALUE_BYTES = 1024;

export type EventLabels = Record<string, string>;

/**
 * Converts dimensions to text: a number or boolean becomes its text, null or undefined means no dimensions.
 * Returns the same object when all its values are text already. `what` names the field in the message of a rejection.
 */
export function readDimensions(value: unknown, what: string): EventLabels | Rejection {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) return new Rejection('T1101', `${what} must be an object`);
  const given = value as Record<string, unknown>;
  let count = 0;
  let allText = true;
  for (const name in given) {
    const each = given[name];
    if (typeof each !== 'string') {
      const problem = scalarProblem(each, `${what}.${name}`);
      if (problem) return problem;
      allText = false;
    }
    const problem = labelProblem(name, each as string, ++count, what);
    if (problem) return problem;
  }
  return allText ? (given as EventLabels) : asText(given);
}

/** Returns why a label is rejected: too many, too long, or a name that could reach a prototype. Numbers and booleans are always short enough. */
export function labelProblem(name: string, value: unknown, count: number, what: string): Rejection | undefined {
  if (forbiddenKey(name)) return new Rejection('T1006', `${what}.${name}`);
  if (count > MAX_LABELS) return new Rejection('T1105', `${what} has more than ${MAX_LABELS}`);
  if (longerThan(name, MAX_NAME_BYTES)) return new Rejection('T1105', `${what} has a name longer than ${MAX_NAME_BYTES} bytes`);
  if (typeof value === 'string' && longerThan(value, MAX_VALUE_BYTES)) {
    return new Rejection('T1105', `${what}.${name} is longer than ${MAX_VALUE_BYTES} bytes`);
  }
  return undefined;
}

/** Whether the UTF-8 encoding of a text is longer than `bytes`. */
export function longerThan(text: string, bytes: number): boolean {
  return text.length > bytes || (text.length * 3 > bytes && Buffer.byteLength(text) > bytes);
}

function scalarProblem(value: unknown, what: string): Rejection | undefined {
  if (typeof value === 'boolean') return undefined;
  if (typeof value !== 'number') return new Rejection('T1101', `${what} must be a string or a number`);
  return Number.isFinite(value) ? undefined : new Rejection('T1102', what);
}

function asText(given: Readonly<Record<string, unknown>>): EventLabels {
  const labels: EventLabels = {};
  for (const name in given) labels[name] = String(given[name]);
  return labels;
}
