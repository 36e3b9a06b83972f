import type { ThresholdConfig } from '../strategy.js';
import type { Algorithm } from './algorithm.js';

type Limit = ThresholdConfig[number][number];
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

/** Anomalous when all limits of one group hold: an OR list of AND lists. */
export function threshold(config: ThresholdConfig): Algorithm {
  const tests = config.map((group) => all(group.map((limit) => methods[limit.method].against(limit.threshold))));
  const [only] = tests;
  return {
    anomalous: only && tests.length === 1 ? only : (value) => tests.some((test) => test(value)),
    explain(subject, value) {
      const group = config[tests.findIndex((test) => test(value))];
      return group?.map(({ method, threshold: limit }) => `${subject} ${methods[method].sign} ${limit}`).join(' and ');
    },
  };
}

/** A single test stays as it is, because it runs for every point. */
function all(tests: readonly Test[]): Test {
  const [only] = tests;
  return only && tests.length === 1 ? only : (value) => tests.every((test) => test(value));
}
