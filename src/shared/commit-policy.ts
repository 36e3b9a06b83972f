/** Condition for committing a group's offset to the log. The cursor in the database is authoritative: this affects only lag tools. */
export type CommitPolicy =
  { readonly every: 'batch' } | { readonly every: 'records'; readonly count: number } | { readonly every: 'ms'; readonly count: number };

/** The default policy, and exceptions by consumer group. */
export interface CommitPolicies {
  readonly usual: CommitPolicy;
  readonly exceptions: ReadonlyMap<string, CommitPolicy>;
}

const BATCH: CommitPolicy = { every: 'batch' };

const ONE = String.raw`(?:[\w.-]+\s*=\s*)?(?:batch|(?:records|ms):[1-9]\d{0,8})`;

/** Syntax of {@link parseCommitPolicies}: `batch`, `records:N` or `ms:N`, alone or as `group=…`, separated by commas. */
export const commitPolicySyntax = new RegExp(String.raw`^\s*${ONE}(?:\s*,\s*${ONE})*\s*$`);

export function parseCommitPolicies(text: string): CommitPolicies {
  let usual = BATCH;
  const exceptions = new Map<string, CommitPolicy>();
  for (const part of text.split(',')) {
    const [policy = '', group] = part.split('=').reverse();
    if (group === undefined) usual = parsePolicy(policy.trim());
    else exceptions.set(group.trim(), parsePolicy(policy.trim()));
  }
  return { usual, exceptions };
}

function parsePolicy(text: string): CommitPolicy {
  const [every, count] = text.split(':') as ['batch' | 'records' | 'ms', string | undefined];
  return every === 'batch' ? BATCH : { every, count: Number(count) };
}

export function commitPolicyOf({ usual, exceptions }: CommitPolicies, group: string): CommitPolicy {
  return exceptions.get(group) ?? usual;
}

/** Milliseconds until the pending offset is committed; 0: now; undefined: not before more records arrive. */
export function commitDueIn(policy: CommitPolicy, waiting: { readonly records: number; readonly since: number }, now: number): number | undefined {
  if (policy.every === 'batch') return 0;
  if (policy.every === 'records') return waiting.records >= policy.count ? 0 : undefined;
  return Math.max(0, waiting.since + policy.count - now);
}
