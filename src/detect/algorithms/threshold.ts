import { z } from 'zod';
import { comparisons } from '../comparisons.js';
import { algorithm, type AlgorithmFinding } from './algorithm.js';

const limit = z.strictObject({ method: z.enum(comparisons), threshold: z.number().refine(Number.isFinite, 'must be a finite number') });
/** An OR list of AND lists. */
const schema = z.array(z.array(limit).min(1)).min(1);

type Limit = z.output<typeof limit>;
type Test = (value: number) => boolean;

/** NaN fulfils none of them. */
const methods: Record<Limit['method'], { readonly sign: string; readonly against: (threshold: number) => Test }> = {
  gt: { sign: '>', against: (threshold) => (value) => value > threshold },
  gte: { sign: '>=', against: (threshold) => (value) => value >= threshold },
  lt: { sign: '<', against: (threshold) => (value) => value < threshold },
  lte: { sign: '<=', against: (threshold) => (value) => value <= threshold },
  eq: { sign: '=', against: (threshold) => (value) => value === threshold },
  neq: { sign: '!=', against: (threshold) => (value) => value < threshold || value > threshold },
};

/** Anomalous when all limits of one group are met; the first such group is the finding. */
export const threshold = algorithm(schema, (config) => {
  const groups = config.map((limits) => ({
    holds: all(limits.map((each) => methods[each.method].against(each.threshold))),
    finding: findingOf(limits),
  }));
  const [only] = groups;
  return {
    lookback: [],
    judge:
      only && groups.length === 1
        ? ({ value }) => (only.holds(value) ? only.finding : undefined)
        : ({ value }) => {
            for (const { holds, finding } of groups) if (holds(value)) return finding;
            return undefined;
          },
  };
});

/** The text does not depend on the value, so a group has one finding for all values. */
function findingOf(limits: readonly Limit[]): AlgorithmFinding {
  return {
    reason: 'threshold',
    text: (subject) => limits.map((each) => `${subject} ${methods[each.method].sign} ${each.threshold}`).join(' and '),
  };
}

/** A single test stays as it is, because it runs for every point. */
function all(tests: readonly Test[]): Test {
  const [only] = tests;
  return only && tests.length === 1 ? only : (value) => tests.every((test) => test(value));
}
