import type { AlgorithmPoint, CompiledAlgorithm, AlgorithmFinding } from './algorithm.js';
import { threshold } from './threshold.js';

/** Every algorithm by its name in strategies. A new algorithm is a file here and a line in this table. */
export const algorithms = { Threshold: threshold } as const;

/** An algorithm as a strategy configures it. */
export interface ConfiguredAlgorithm {
  readonly type: keyof typeof algorithms;
  readonly config: unknown;
}

/** Compiles the algorithms of one level to a single judgement. */
export function compileAlgorithms(connector: 'and' | 'or', configured: readonly ConfiguredAlgorithm[], interval: number): CompiledAlgorithm {
  return combine(
    connector,
    configured.map(({ type, config }) => algorithms[type].compile(config, interval)),
  );
}

/** Combines algorithms into one: connector `and` needs a finding of every algorithm, `or` of one. The first finding represents all. */
export function combine(connector: 'and' | 'or', parts: readonly CompiledAlgorithm[]): CompiledAlgorithm {
  const [only] = parts;
  if (only && parts.length === 1) return only;
  const judges = parts.map((part, index) => onOwnPast(part, parts.slice(0, index)));
  return { lookback: parts.flatMap(({ lookback }) => lookback), judge: connector === 'and' ? everyFinding(judges) : anyFinding(judges) };
}

type Judge = CompiledAlgorithm['judge'];

/** The judgement of an algorithm whose past points follow those of other algorithms. */
function onOwnPast({ lookback, judge }: CompiledAlgorithm, before: readonly CompiledAlgorithm[]): Judge {
  if (lookback.length === 0) return judge;
  const start = before.reduce((count, part) => count + part.lookback.length, 0);
  return ({ value, time, past }) => judge({ value, time, past: past.slice(start, start + lookback.length) });
}

function everyFinding(judges: readonly Judge[]): Judge {
  return (point) => {
    let first: AlgorithmFinding | undefined;
    for (const judge of judges) {
      const finding = judge(point);
      if (!finding) return undefined;
      first ??= finding;
    }
    return first;
  };
}

function anyFinding(judges: readonly Judge[]): Judge {
  return (point: AlgorithmPoint) => {
    for (const judge of judges) {
      const finding = judge(point);
      if (finding) return finding;
    }
    return undefined;
  };
}
