import { connect } from './algorithms.js';

const configured = (method: 'gt' | 'lte', threshold: number) => ({
  level: 1 as const,
  type: 'Threshold' as const,
  config: [[{ method, threshold }]],
});
const between = [configured('gt', 2), configured('lte', 4)];

describe('several algorithms of one level', () => {
  it.each([
    ['or', [1, 2, 3, 4, 5], [true, true, true, true, true]],
    ['and', [1, 2, 3, 4, 5], [false, false, true, true, false]],
  ] as const)('under %s judge %j as %j', (connector, values, expected) => {
    expect(values.map((value) => connect(connector, between).anomalous(value))).toEqual(expected);
  });

  it('explain themselves by the first that holds', () => {
    expect(connect('or', between).explain('v', 1)).toBe('v <= 4');
    expect(connect('and', between).explain('v', 3)).toBe('v > 2');
  });
});
