import { TocsinError } from '../../shared/errors.js';

/** Requested position of a group. */
export type Target =
  | { readonly kind: 'earliest' | 'latest' }
  | { readonly kind: 'offset'; readonly offset: number }
  /** The first record with a log timestamp at or after `time` (epoch ms). */
  | { readonly kind: 'timestamp'; readonly time: number }
  /** Relative to the current position of the group, in records. */
  | { readonly kind: 'shift'; readonly by: number }
  /** This many records before the log end. */
  | { readonly kind: 'tail'; readonly count: number };

/** Log bounds of a partition, and the position of the group. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
  readonly current: number;
  /** For a timestamp: offset of the first record at or after it. */
  readonly at?: number | undefined;
}

export interface ResolvedOffset {
  readonly offset: number;
  /** The log bound to which the request was clamped. */
  readonly clamped?: 'beginning' | 'end';
}

const FORMS = 'earliest, latest, offset:N, timestamp:T (ISO 8601 or epoch ms), shift:+N, shift:-N, tail:N';

/** The forms of a target: a pattern of the text, and a parser of the captured part. */
const forms: readonly [RegExp, (rest: string) => Target | undefined][] = [
  [/^(earliest|latest)$/, (kind) => ({ kind: kind as 'earliest' | 'latest' })],
  [/^(?:offset[:\s]+)?(\d{1,15})$/, (offset) => ({ kind: 'offset', offset: Number(offset) })],
  [/^shift[:\s]*([+-]?\d{1,15})$/, (by) => ({ kind: 'shift', by: Number(by) })],
  [/^tail(?:[:\s]+|-)(\d{1,15})$/, (count) => ({ kind: 'tail', count: Number(count) })],
  [/^(?:time(?:stamp)?[:\s]+)?(.+)$/, timeTarget],
];

/** Parses a target. Throws {@link TocsinError} T6202 with the valid forms. */
export function parseTarget(text: string): Target {
  for (const [form, meaning] of forms) {
    const rest = form.exec(text.trim())?.[1];
    const target = rest === undefined ? undefined : meaning(rest);
    if (target) return target;
  }
  throw new TocsinError('T6202', `"${text}" must be one of ${FORMS}`);
}

function timeTarget(text: string): Target | undefined {
  const time = parseTime(text);
  return time === undefined ? undefined : { kind: 'timestamp', time };
}

/** Parses epoch ms or ISO 8601 to epoch ms; undefined for any other text. */
export function parseTime(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

/** Resolves a target in this partition, clamped to the log bounds. */
export function resolveTarget(target: Target, bounds: Bounds): ResolvedOffset {
  const offset = requestedOffset(target, bounds);
  if (offset < bounds.low) return { offset: bounds.low, clamped: 'beginning' };
  return offset > bounds.high ? { offset: bounds.high, clamped: 'end' } : { offset };
}

function requestedOffset(target: Target, { low, high, current, at }: Bounds): number {
  switch (target.kind) {
    case 'earliest':
      return low;
    case 'latest':
      return high;
    case 'offset':
      return target.offset;
    case 'timestamp':
      return at ?? high;
    case 'shift':
      return current + target.by;
    case 'tail':
      return Math.max(low, high - target.count);
  }
}

/** Effect of a cursor move on the stored state of a stage. */
export interface StateAfterMove {
  readonly stateOffset: number;
  /**
   * `kept`: the state includes every record below `stateOffset`, and the records from there to the cursor rebuild the rest.
   * `reset`: no stored state is as old as the cursor, so the state restarts there with only the rules.
   * `carried over`: the state stays unchanged, as if the skipped records had never existed.
   */
  readonly memory: 'kept' | 'reset' | 'carried over';
}

/** Effect of moving `cursor` to `to` in a log that ends at `high`. A cursor beyond that end is from an earlier log; its state is carried over. */
export function stateAfterMove(cursor: { readonly nextOffset: number; readonly stateOffset: number }, to: number, high: number): StateAfterMove {
  if (to === cursor.nextOffset) return { stateOffset: cursor.stateOffset, memory: 'kept' };
  if (cursor.nextOffset > high || to > cursor.nextOffset) return { stateOffset: to, memory: 'carried over' };
  if (to >= cursor.stateOffset) return { stateOffset: cursor.stateOffset, memory: 'kept' };
  return { stateOffset: to, memory: 'reset' };
}
