import { identity } from '../shared/identity.js';
import type { ConvergedAlert } from '../topics.js';
import type { TimelineEntry, What } from '../database/timeline-table.js';
import { retryDelay, type RetryPolicy } from '../shared/retry.js';
import type { Outcome } from './channels/channel.js';

/** When a failed delivery is tried again, and when it is given up. */
export interface DeliveryPolicy extends RetryPolicy {
  /** Time since the first try (ms) after which a notice is dead. */
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

/** A notice that is to be sent now, with what it says. */
export interface DueNotice extends Notice {
  readonly group: ConvergedAlert;
}

/** What receivers see as the Idempotency-Key header; the same for every try of the same notice. */
export const idempotencyKey = (receiver: string, group: Pick<ConvergedAlert, 'converge_id' | 'sequence'>): string =>
  identity('notice', receiver, group.converge_id, group.sequence);

/** What becomes of a notice after a try. */
export interface Settlement {
  readonly state: 'sent' | 'pending' | 'dead';
  readonly reason: string | null;
  readonly next_attempt_at: number;
  readonly last_code: number | null;
  readonly last_error: string | null;
  readonly timeline: readonly TimelineEntry[];
}

export interface Try {
  readonly outcome: Outcome;
  readonly latencyMs: number;
}

/** Decides what becomes of a notice whose `attempts`-th try just ended. `random` is in [0, 1). */
export function settle(notice: DueNotice, tried: Try, now: number, policy: DeliveryPolicy, random: number): Settlement {
  const { outcome } = tried;
  const told = { last_code: outcome.code ?? null, last_error: outcome.kind === 'failed' ? outcome.error : null };
  if (outcome.kind === 'delivered') {
    return { ...told, state: 'sent', reason: null, next_attempt_at: now, timeline: outcomes(notice, 'notified', notice.group.reason, tried, now) };
  }
  const late = now - (notice.first_attempt_at ?? now) >= policy.giveUpMs;
  if (outcome.retry && !late) {
    const wait = retryDelay(notice.attempts, policy, random, outcome.retryAfterMs);
    // Only the first failure is news; how often it failed is in the notice.
    const timeline = notice.attempts === 1 ? outcomes(notice, 'not_sent', `${outcome.error}; will be retried`, tried, now) : [];
    return { ...told, state: 'pending', reason: null, next_attempt_at: now + wait, timeline };
  }
  const reason = outcome.retry ? 'gave_up' : outcome.reason;
  return { ...told, state: 'dead', reason, next_attempt_at: now, timeline: outcomes(notice, 'not_sent', `${outcome.error}; ${reason}`, tried, now) };
}

function outcomes({ receiver, attempts, group }: DueNotice, what: What, why: string, { outcome, latencyMs }: Try, now: number): TimelineEntry[] {
  return memberEntries(group, what, why, { receiver, attempt: attempts, code: outcome.code ?? null, latency_ms: Math.round(latencyMs) }, now);
}

/** Members of one notice whose timelines are written; a digest of more says how many it had. */
const MOST_MEMBERS = 1000;

/** The same entry for the timeline of every member. */
export function memberEntries(group: ConvergedAlert, what: What, why: string, extra: Record<string, unknown>, now: number): TimelineEntry[] {
  const { converge_id, sequence, kind, status, counts } = group;
  const detail = { ...extra, status, kind, converge_id, sequence, members: counts.total };
  return group.members
    .slice(0, MOST_MEMBERS)
    .map(({ alert_id }) => ({ alert_id, at: now, recorded_at: now, what, actor: 'notice', why, detail, transition_no: null }));
}
