import { identity } from '../shared/identity.js';
import type { ConvergedAlert } from '../topics.js';
import type { TimelineEntry, What } from '../database/timeline-table.js';
import { retryDelay, type RetryPolicy } from '../shared/retry.js';
import type { DeliveryOutcome } from './channels/channel.js';

/** Retry waits of a failed delivery, and the time limit for all attempts. */
export interface DeliveryPolicy extends RetryPolicy {
  /** Time since the first attempt (ms) after which a notice is dead. */
  readonly giveUpMs: number;
}

export const noticeStates = ['pending', 'sending', 'sent', 'dead', 'not_sent'] as const;
export type NoticeState = (typeof noticeStates)[number];

/** One converged message for one receiver. Times are epoch ms. */
export interface Notice {
  readonly id: number;
  /** Name of the receiver; empty when there was none. */
  readonly receiver: string;
  readonly converge_id: string;
  readonly sequence: number;
  readonly idempotency_key: string;
  readonly status: ConvergedAlert['status'];
  readonly state: NoticeState;
  /** Why it was not sent, or why it is dead. */
  readonly reason: string | null;
  readonly attempts: number;
  /** pending: when it is due; sending: when the claim of the sender ends. */
  readonly next_attempt_at: number;
  readonly created_at: number;
  readonly first_attempt_at: number | null;
  readonly finished_at: number | null;
  readonly last_code: number | null;
  readonly last_error: string | null;
}

/** A notice that is due, with its message. */
export interface DueNotice extends Notice {
  readonly group: ConvergedAlert;
}

/** Value of the Idempotency-Key header; the same for every attempt to send a notice. */
export const idempotencyKey = (receiver: string, group: Pick<ConvergedAlert, 'converge_id' | 'sequence'>): string =>
  identity('notice', receiver, group.converge_id, group.sequence);

/** State of a notice after an attempt. */
export interface NoticeSettlement {
  readonly state: 'sent' | 'pending' | 'dead';
  readonly reason: string | null;
  readonly next_attempt_at: number;
  readonly last_code: number | null;
  readonly last_error: string | null;
  readonly timeline: readonly TimelineEntry[];
}

export interface DeliveryAttempt {
  readonly outcome: DeliveryOutcome;
  readonly latencyMs: number;
}

/** Decides the state of a notice after its `attempts`-th attempt. `random` is in [0, 1). */
export function settleNotice(notice: DueNotice, attempt: DeliveryAttempt, now: number, policy: DeliveryPolicy, random: number): NoticeSettlement {
  const { outcome } = attempt;
  const result = { last_code: outcome.code ?? null, last_error: outcome.kind === 'failed' ? outcome.error : null };
  if (outcome.kind === 'delivered') {
    return {
      ...result,
      state: 'sent',
      reason: null,
      next_attempt_at: now,
      timeline: outcomes(notice, 'notified', notice.group.reason, attempt, now),
    };
  }
  const late = now - (notice.first_attempt_at ?? now) >= policy.giveUpMs;
  if (outcome.retry && !late) {
    const wait = retryDelay(notice.attempts, policy, random, outcome.retryAfterMs);
    // The timeline has the first failure only; the number of attempts is in the notice.
    const timeline = notice.attempts === 1 ? outcomes(notice, 'not_sent', `${outcome.error}; will be retried`, attempt, now) : [];
    return { ...result, state: 'pending', reason: null, next_attempt_at: now + wait, timeline };
  }
  const reason = outcome.retry ? 'gave_up' : outcome.reason;
  return {
    ...result,
    state: 'dead',
    reason,
    next_attempt_at: now,
    timeline: outcomes(notice, 'not_sent', `${outcome.error}; ${reason}`, attempt, now),
  };
}

function outcomes(
  { receiver, attempts, group }: DueNotice,
  what: What,
  why: string,
  { outcome, latencyMs }: DeliveryAttempt,
  now: number,
): TimelineEntry[] {
  return memberEntries(group, what, why, { receiver, attempt: attempts, code: outcome.code ?? null, latency_ms: Math.round(latencyMs) }, now);
}

/** Most members of one notice whose timelines are written; each entry contains the total. */
const MOST_MEMBERS = 1000;

/** The same entry for the timeline of every member. */
export function memberEntries(group: ConvergedAlert, what: What, why: string, extra: Record<string, unknown>, now: number): TimelineEntry[] {
  const { converge_id, sequence, kind, status, counts } = group;
  const detail = { ...extra, status, kind, converge_id, sequence, members: counts.total };
  return group.members
    .slice(0, MOST_MEMBERS)
    .map(({ alert_id }) => ({ alert_id, at: now, recorded_at: now, what, actor: 'notice', why, detail, transition_no: null }));
}
