import type { Condition } from './strategy.js';

export type Dimensions = Readonly<Record<string, string>>;

/** True when an observation with these dimensions satisfies the conditions. */
export type ConditionMatcher = (dimensions: Dimensions) => boolean;

type Test = (text: string) => boolean;

const methods: Record<Condition['method'], (values: readonly string[]) => Test> = {
  eq: (values) => (text) => values.includes(text),
  neq: (values) => (text) => !values.includes(text),
  include: (values) => (text) => values.some((value) => text.includes(value)),
  exclude: (values) => (text) => !values.some((value) => text.includes(value)),
  gt: comparison((text, limit) => text > limit),
  gte: comparison((text, limit) => text >= limit),
  lt: comparison((text, limit) => text < limit),
  lte: comparison((text, limit) => text <= limit),
};

/** The text of a dimension; missing is empty. */
export function dimensionText(dimensions: Dimensions, name: string): string {
  // Inherited properties are never text, so a name such as toString finds nothing.
  const text: unknown = dimensions[name];
  return typeof text === 'string' ? text : '';
}

/** Compiles conditions (docs/detect.md section 2); undefined when there are none, so that everything matches. */
export function compileConditions(conditions: readonly Condition[]): ConditionMatcher | undefined {
  if (conditions.length === 0) return undefined;
  const groups = groupsOf(conditions).map((group) => group.map(({ key, method, value }) => ({ key, test: methods[method](value) })));
  return (dimensions) => groups.some((group) => group.every(({ key, test }) => test(dimensionText(dimensions, key))));
}

/** An `or` starts a new group; in first place it has no effect. */
function groupsOf(conditions: readonly Condition[]): Condition[][] {
  const groups: Condition[][] = [];
  for (const condition of conditions) {
    const group = groups.at(-1);
    if (group && condition.condition === 'and') group.push(condition);
    else groups.push([condition]);
  }
  return groups;
}

/** NaN on either side matches nothing. */
function comparison(compare: (text: number, limit: number) => boolean): (values: readonly string[]) => Test {
  return ([first = '']) => {
    const limit = numberOf(first);
    return (text) => compare(numberOf(text), limit);
  };
}

function numberOf(text: string): number {
  return text.trim() === '' ? NaN : Number(text);
}
