import type { ErrorCode, FindingCode } from '../../shared/errors.js';

export type Verdict = 'ok' | 'warn' | 'fail';

/** What one check found. */
export interface Finding {
  /** area.subject, stable. */
  readonly check: string;
  /** Code of the problem that the check detects. */
  readonly code: FindingCode | ErrorCode;
  readonly verdict: Verdict;
  /** What was seen. */
  readonly evidence: string;
  /** What to do about it; absent when all is well. */
  readonly remedy?: string;
}

/** A trouble of a check, without the check's name and code. */
export type Trouble = Pick<Finding, 'evidence' | 'remedy'> & { readonly verdict: 'warn' | 'fail'; readonly remedy: string };

export const warn = (evidence: string, remedy: string): Trouble => ({ verdict: 'warn', evidence, remedy });
export const fail = (evidence: string, remedy: string): Trouble => ({ verdict: 'fail', evidence, remedy });

/** The findings of one check: its troubles, or that all is well. */
export function findings(check: string, code: FindingCode, well: string, troubles: readonly (Trouble | false | null | undefined)[]): Finding[] {
  const found = troubles.filter((each) => typeof each === 'object' && each !== null);
  return found.length === 0 ? [{ check, code, verdict: 'ok', evidence: well }] : found.map((trouble) => ({ check, code, ...trouble }));
}

/** A few names and how many more. */
export const some = (names: readonly string[], most = 4): string =>
  names.slice(0, most).join(', ') + (names.length > most ? ` and ${names.length - most} more` : '');
