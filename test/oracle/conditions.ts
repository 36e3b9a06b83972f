import type { Condition } from '../../src/detect/strategy.js';

type Dimensions = Readonly<Record<string, string>>;

/** The text of a dimension; missing is empty. */
export const textOf = (dimensions: Dimensions, name: string): string => (Object.hasOwn(dimensions, name) ? dimensions[name]! : '');

/** Section 2: an `or` starts a new group; all conditions of one group must hold; no conditions always hold. */
export function conditionsHold(conditions: readonly Condition[], dimensions: Dimensions): boolean {
  const groups: Condition[][] = [[]];
  conditions.forEach((condition, index) => {
    if (condition.condition === 'or' && index > 0) groups.push([]);
    groups.at(-1)!.push(condition);
  });
  return groups.some((group) => group.every((condition) => conditionHolds(condition, textOf(dimensions, condition.key))));
}

function conditionHolds({ method, value: values }: Condition, text: string): boolean {
  switch (method) {
    case 'eq':
      return values.some((value) => text === value);
    case 'neq':
      return values.every((value) => text !== value);
    case 'include':
      return values.some((value) => text.includes(value));
    case 'exclude':
      return values.every((value) => !text.includes(value));
    default:
      return compares(method, numberOf(text), numberOf(values[0]!));
  }
}

/** NaN, which fulfils no comparison, for text that is not a number. */
function numberOf(text: string): number {
  return text.trim() === '' ? NaN : Number(text);
}

/** `a method b`; NaN fulfils none, `neq` included. */
export function compares(method: 'gt' | 'gte' | 'lt' | 'lte' | 'eq' | 'neq', a: number, b: number): boolean {
  if (Number.isNaN(a) || Number.isNaN(b)) return false;
  switch (method) {
    case 'gt':
      return a > b;
    case 'gte':
      return a >= b;
    case 'lt':
      return a < b;
    case 'lte':
      return a <= b;
    case 'eq':
      return a === b;
    case 'neq':
      return a !== b;
  }
}
