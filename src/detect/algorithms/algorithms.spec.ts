import { z } from 'zod';
import { algorithm, type CompiledAlgorithm } from './algorithm.js';
import { combine, compileAlgorithms } from './algorithms.js';

const configured = (method: 'gt' | 'lte', threshold: number) => ({ type: 'Threshold' as const, config: [[{ method, threshold }]] });
const between = [configured('gt', 2), configured('lte', 4)];
const judge = ({ judge: each }: CompiledAlgorithm, value: number, ...past: (number | undefined)[]) => each({ value, time: 0, past })?.text('v');

describe('several algorithms of one level', () => {
  it.each([
    ['or', [1, 2, 3, 4, 5], ['v <= 4', 'v <= 4', 'v > 2', 'v > 2', 'v > 2']],
    ['and', [1, 2, 3, 4, 5], [undefined, undefined, 'v > 2', 'v > 2', undefined]],
  ] as const)('under %s judge %j as %j, and the first finding stands for all', (connector, values, expected) => {
    const compiled = compileAlgorithms(connector, between, 60_000);
    expect(values.map((value) => judge(compiled, value))).toEqual(expected);
  });
});

describe('an algorithm that looks back', () => {
  /** Anomalous when the value has risen by more than `percent` since the previous period. */
  const rise = algorithm(z.strictObject({ percent: z.number() }), ({ percent }, interval) => ({
    lookback: [interval],
    judge: ({ value, past: [previous] }) => {
      if (previous === undefined || value - previous <= (Math.abs(previous) * percent) / 100) return undefined;
      return { reason: 'rise', text: (subject) => `${subject} rose from ${previous}` };
    },
  }));
  const minute = 60_000;
  const ten = rise.compile({ percent: 10 }, minute);
  const fifty = rise.compile({ percent: 50 }, minute);

  it('names its past points, and judges by them', () => {
    expect(ten.lookback).toEqual([minute]);
    expect([judge(ten, 12, 10), judge(ten, 10.5, 10), judge(ten, 12, undefined), judge(ten, 1, 0)]).toEqual([
      'v rose from 10',
      undefined,
      undefined,
      'v rose from 0',
    ]);
  });

  it('gets its own past points among those of others', () => {
    const both = combine('and', [ten, compileAlgorithms('and', between, minute), fifty]);
    expect(both.lookback).toEqual([minute, minute]);
    expect(judge(both, 3, 2, 1.5)).toBe('v rose from 2');
    expect(judge(both, 3, 2, 2.5)).toBeUndefined();
  });

  it('is refused with a configuration that does not fit its schema', () => {
    expect(() => rise.compile({ percent: '10' }, minute)).toThrow(z.ZodError);
  });
});
