import type { TimelineEntry } from '../database/timeline-table.js';
import type { PushType } from './payload.js';

export const pushStates = ['pending', 'sent', 'dead'] as const;
export type PushState = (typeof pushStates)[number];

/** One message for one queue. Times are epoch ms. */
export interface Push {
  readonly id: number;
  readonly queue_key: string;
  /** Address of the queue without credentials. */
  readonly queue: string;
  readonly bk_biz_id: string;
  readonly alert_id: string;
  readonly alert_key: string;
  /** Id of the state change, which is the idempotency key for receivers. */
  readonly event_id: string;
  readonly type: PushType;
  readonly state: PushState;
  /** Why the push is dead. */
  readonly reason: string | null;
  readonly attempts: number;
  readonly created_at: number;
  readonly finished_at: number | null;
  readonly last_error: string | null;
}

/** A push that is due, with its body. */
export interface DuePush extends Push {
  readonly body: string;
}

/** State of a push after an attempt. */
export interface PushSettlement {
  readonly push: DuePush;
  readonly state: PushState;
  readonly reason: 'too_old' | 'queue_removed' | null;
  readonly error: string | null;
}

/** Decides the states of pushes that were delivered together; `error` is undefined when the queue acknowledged all of them. */
export function settlePushes(pushes: readonly DuePush[], error: string | undefined, now: number, giveUpMs: number): PushSettlement[] {
  return pushes.map((push) => {
    if (error === undefined) return { push, state: 'sent', reason: null, error: null };
    const late = now - push.created_at >= giveUpMs;
    return { push, state: late ? 'dead' : 'pending', reason: late ? 'too_old' : null, error };
  });
}

/** The timeline entry of an attempt; later failures of the same push have none. */
export function pushEntry({ push, state, reason, error }: PushSettlement, now: number): TimelineEntry | undefined {
  if (state === 'pending' && push.attempts > 0) return undefined;
  const what = state === 'sent' ? 'notified' : 'not_sent';
  const why =
    state === 'sent' ? `${push.type} delivered to ${push.queue}` : `${push.type} to ${push.queue}: ${error}; ${reason ?? 'will be retried'}`;
  return {
    alert_id: push.alert_id,
    at: now,
    recorded_at: now,
    what,
    actor: 'push',
    why,
    detail: { queue: push.queue, attempt: push.attempts + 1, push: push.id },
    transition_no: null,
  };
}
