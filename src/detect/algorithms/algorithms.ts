import type { StrategyBody } from '../strategy.js';
import type { Algorithm } from './algorithm.js';
import { threshold } from './threshold.js';

type Configured = StrategyBody['items'][number]['algorithms'][number];

/** Every algorithm by its name in strategies. A new one is a file and a line here. */
const algorithms: { readonly [Type in Configured['type']]: (config: Extract<Configured, { type: Type }>['config']) => Algorithm } = {
  Threshold: threshold,
};

/** Several algorithms as one: connector `and` wants all of them, `or` one. */
export function connect(connector: 'and' | 'or', configured: readonly Configured[]): Algorithm {
  const parts = configured.map(({ type, config }) => algorithms[type](config));
  const [only] = parts;
  if (only && parts.length === 1) return only;
  return {
    anomalous: connector === 'and' ? (value) => parts.every((part) => part.anomalous(value)) : (value) => parts.some((part) => part.anomalous(value)),
    explain: (subject, value) => parts.map((part) => part.explain(subject, value)).find((words) => words !== undefined),
  };
}
