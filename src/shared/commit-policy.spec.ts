import { commitDueIn, commitPolicyOf, commitPolicySyntax, parseCommitPolicies } from './commit-policy.js';

describe('the commit policy', () => {
  const due = (text: string, records: number, age: number) => commitDueIn(parseCommitPolicies(text).usual, { records, since: 1000 }, 1000 + age);

  it('commits after each batch, after N records, or after N ms', () => {
    expect(due('batch', 1, 0)).toBe(0);
    expect([due('records:100', 99, 1e9), due('records:100', 100, 0)]).toEqual([undefined, 0]);
    expect([due('ms:250', 1, 0), due('ms:250', 1, 100), due('ms:250', 1e6, 300)]).toEqual([250, 150, 0]);
  });

  it('has exceptions by group', () => {
    const text = 'records:10, detect=ms:1000 ,alert=batch';
    const policies = parseCommitPolicies(text);
    expect(commitPolicySyntax.test(text)).toBe(true);
    expect(commitPolicyOf(policies, 'detect')).toEqual({ every: 'ms', count: 1000 });
    expect(commitPolicyOf(policies, 'alert')).toEqual({ every: 'batch' });
    expect(commitPolicyOf(policies, 'notice')).toEqual({ every: 'records', count: 10 });
    expect(commitPolicyOf(parseCommitPolicies('detect=ms:5'), 'alert')).toEqual({ every: 'batch' });
  });

  it.each(['', 'never', 'ms', 'ms:0', 'ms:-1', 'records:1.5', 'detect=', 'detect=soon', 'batch,', '=batch'])(
    'does not guess what %p means',
    (text) => {
      expect(commitPolicySyntax.test(text)).toBe(false);
    },
  );
});
