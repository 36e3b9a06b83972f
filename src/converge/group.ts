import type { AlertEvent } from '../topics.js';
import { convergeId } from './grouping.js';
import type { Policy } from './policy.js';

/** Why a group ended. */
export type EndReason = 'all_alerts_resolved' | 'ended_before_first_notice' | 'moved_to_storm';

/** One life of a group, from its first member to the message that all its alerts are resolved. Times are epoch ms of Tocsin's clock. */
export interface Group {
  readonly converge_id: string;
  /** Equals group_key while the group is open, null afterwards: a unique index allows one open group of a key. */
  readonly open_key: string | null;
  readonly group_key: string;
  readonly scope_key: string;
  readonly kind: 'group' | 'storm';
  /** `pending`: no message yet. */
  readonly state: 'pending' | 'notified' | 'ended';
  readonly end_reason: EndReason | null;
  readonly bk_biz_id: string;
  readonly strategy_id: number;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  /** Receivers that this life has notified; null before its first message, empty = the default receivers. */
  readonly receivers: readonly string[] | null;
  /** Sequence of its latest message. */
  readonly sequence_no: number;
  /** Alerts that ever became members, without those that were moved to a storm. */
  readonly joined: number;
  /** A storm that accepts the new alerts of its scope. */
  readonly is_accepting: boolean;
  readonly opened_at: number;
  /** Time of the latest message. */
  readonly notified_at: number | null;
  readonly next_flush_at: number | null;
  readonly ended_at: number | null;
}

type Opening = Pick<Group, 'kind' | 'group_key' | 'scope_key' | 'dimensions'>;

/** The first member opens its group. A storm is due at once, any other group after the group wait. */
export function openGroup(opening: Opening, first: AlertEvent, policy: Pick<Policy, 'groupWait'>, now: number): Group {
  return {
    ...opening,
    converge_id: convergeId(opening.group_key, first.event_id),
    open_key: opening.group_key,
    state: 'pending',
    end_reason: null,
    bk_biz_id: first.bk_biz_id,
    strategy_id: first.strategy_id,
    name: first.strategy_id === 0 ? first.alert_name : first.strategy_name,
    receivers: null,
    sequence_no: 0,
    joined: 0,
    is_accepting: opening.kind === 'storm',
    opened_at: now,
    notified_at: null,
    next_flush_at: opening.kind === 'storm' ? now : now + policy.groupWait,
    ended_at: null,
  };
}

/** Schedules the message about a change: after the group wait, and at least one group interval after the latest message. */
export function scheduleFlush<G extends Pick<Group, 'notified_at' | 'next_flush_at'>>(
  group: G,
  { groupWait, groupInterval }: Pick<Policy, 'groupWait' | 'groupInterval'>,
  now: number,
): G {
  if (group.notified_at === null) return group;
  const due = Math.max(now + Math.min(groupWait, groupInterval), group.notified_at + groupInterval);
  return group.next_flush_at !== null && group.next_flush_at <= due ? group : { ...group, next_flush_at: due };
}

/** A message was due before `now` and has not been published. */
export const isOverdue = ({ next_flush_at }: Pick<Group, 'next_flush_at'>, now: number): boolean => next_flush_at !== null && next_flush_at < now;
