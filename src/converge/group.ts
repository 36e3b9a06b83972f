import type { AlertEvent } from '../topics.js';
import { convergeId } from './grouping.js';
import type { Policy } from './policy.js';

/** Why a group ended. */
export type EndReason = 'all_alerts_resolved' | 'ended_before_first_notice' | 'moved_to_storm';

/** One life of a group, from its first member to the notice of its end. Times are epoch ms by our clock. */
export interface Group {
  readonly converge_id: string;
  /** Equals group_key while the group is open, null afterwards: the database itself refuses a second open group of one key. */
  readonly open_key: string | null;
  readonly group_key: string;
  readonly scope_key: string;
  readonly kind: 'group' | 'storm';
  /** `waiting` for its first notice, `notified`, `ended`. */
  readonly state: 'waiting' | 'notified' | 'ended';
  readonly end_reason: EndReason | null;
  readonly bk_biz_id: string;
  readonly strategy_id: number;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  /** Whom this life has told; null before its first notice, empty = the default receivers. */
  readonly receivers: readonly string[] | null;
  /** Number of its latest message. */
  readonly sequence_no: number;
  /** Alerts that ever became members, without those that moved on to a storm. */
  readonly joined: number;
  /** A storm that takes the births of its scope. */
  readonly is_taking: boolean;
  readonly opened_at: number;
  /** Time of the latest message. */
  readonly told_at: number | null;
  readonly next_flush_at: number | null;
  readonly ended_at: number | null;
}

type Opening = Pick<Group, 'kind' | 'group_key' | 'scope_key' | 'dimensions'>;

/** The first member opens its group: a storm is told at once, everything else waits for company. */
export function openGroup(opening: Opening, first: AlertEvent, policy: Pick<Policy, 'groupWait'>, now: number): Group {
  return {
    ...opening,
    converge_id: convergeId(opening.group_key, first.event_id),
    open_key: opening.group_key,
    state: 'waiting',
    end_reason: null,
    bk_biz_id: first.bk_biz_id,
    strategy_id: first.strategy_id,
    name: first.strategy_id === 0 ? first.alert_name : first.strategy_name,
    receivers: null,
    sequence_no: 0,
    joined: 0,
    is_taking: opening.kind === 'storm',
    opened_at: now,
    told_at: null,
    next_flush_at: opening.kind === 'storm' ? now : now + policy.groupWait,
    ended_at: null,
  };
}

/** Something about a member changed: a group that was told waits for company, and keeps its distance from its latest message. */
export function changed<G extends Pick<Group, 'told_at' | 'next_flush_at'>>(
  group: G,
  { groupWait, groupInterval }: Pick<Policy, 'groupWait' | 'groupInterval'>,
  now: number,
): G {
  if (group.told_at === null) return group;
  const due = Math.max(now + Math.min(groupWait, groupInterval), group.told_at + groupInterval);
  return group.next_flush_at !== null && group.next_flush_at <= due ? group : { ...group, next_flush_at: due };
}

/** The time to tell what the group has is over, and yet it was not done. */
export const isOverdue = ({ next_flush_at }: Pick<Group, 'next_flush_at'>, now: number): boolean => next_flush_at !== null && next_flush_at < now;
