import type { ErrorCode, FindingCode } from '../../shared/errors.js';

export type Verdict = 'ok' | 'warn' | 'fail';

/** Result of one check. */
export interface Finding {
  /** area.subject, stable. */
  readonly check: string;
  /** Code of the problem that the check detects. */
  readonly code: FindingCode | ErrorCode;
  readonly verdict: Verdict;
  /** The observation behind the verdict. */
  readonly evidence: string;
  /** Fix for the problem; absent when the check passed. */
  readonly remedy?: string;
}

/** A problem without the name and code of its check. */
export type Problem = Pick<Finding, 'evidence' | 'remedy'> & { readonly verdict: 'warn' | 'fail'; readonly remedy: string };

export const warn = (evidence: string, remedy: string): Problem => ({ verdict: 'warn', evidence, remedy });
export const fail = (evidence: string, remedy: string): Problem => ({ verdict: 'fail', evidence, remedy });

/** Findings of one check: its problems, or one finding that it passed. */
export function findings(check: string, code: FindingCode, passed: string, problems: readonly (Problem | false | null | undefined)[]): Finding[] {
  const found = problems.filter((each) => typeof each === 'object' && each !== null);
  return found.length === 0 ? [{ check, code, verdict: 'ok', evidence: passed }] : found.map((problem) => ({ check, code, ...problem }));
}

/** The first names, and the number of the others. */
export const some = (names: readonly string[], most = 4): string =>
  names.slice(0, most).join(', ') + (names.length > most ? ` and ${names.length - most} more` : '');
