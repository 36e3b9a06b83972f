import type { Rule } from './rules.js';
import type { SeriesColumns } from './series.js';

/** Adds a value to its open bucket, which it opens when it is the first. */
export function join(rule: Rule, columns: SeriesColumns, id: number, period: number, timestamp: number, value: number): void {
  const { counts, values } = columns;
  const slot = slotOf(rule, id, period);
  const count = counts[slot]!;
  if (period < columns.oldest[id]!) columns.oldest[id] = period;
  counts[slot] = count + 1;
  switch (rule.query.aggregation) {
    case 'AVG':
    case 'SUM':
      values[slot] = count === 0 ? value : values[slot]! + value;
      break;
    case 'MIN':
      if (count === 0 || value < values[slot]!) values[slot] = value;
      break;
    case 'MAX':
      if (count === 0 || value > values[slot]!) values[slot] = value;
      break;
    case 'LAST':
      if (count === 0 || timestamp >= columns.times[slot]!) {
        values[slot] = value;
        columns.times[slot] = timestamp;
      }
      break;
    case 'COUNT':
  }
}

/** Takes the oldest bucket of a series, which must have one, and answers its value; the next one is the oldest then. */
export function takeOldest(rule: Rule, columns: SeriesColumns, id: number): number {
  const { counts, values, oldest } = columns;
  const period = oldest[id]!;
  const slot = slotOf(rule, id, period);
  const count = counts[slot]!;
  const value = values[slot]!;
  counts[slot] = 0;
  values[slot] = 0;
  oldest[id] = nextAfter(rule, columns, id, period);
  if (rule.query.aggregation === 'COUNT') return count;
  return rule.query.aggregation === 'AVG' ? value / count : value;
}

/** What a bucket with this one value comes to. */
export function alone(rule: Rule, value: number): number {
  return rule.query.aggregation === 'COUNT' ? 1 : value;
}

/** Open buckets lie within one turn of the ring. */
function nextAfter(rule: Rule, columns: SeriesColumns, id: number, period: number): number {
  for (let next = period + 1; next < period + rule.slots; next++) if (columns.counts[slotOf(rule, id, next)] !== 0) return next;
  return Infinity;
}

const slotOf = ({ slots }: Rule, id: number, period: number): number => id * slots + (period & (slots - 1));
