import type { ConvergedAlert, MemberAlert } from '../topics.js';
import type { ConvergeMember } from './converge-member.js';
import { firing, type FlushReason, receiversOf, type Tally } from './flush.js';
import type { Group } from './group.js';
import type { Phase } from './member-phase.js';
import type { Policy } from './policy.js';

/** Most members in one message; the rest follows in the next one. */
export const MOST_LISTED = 500;
/** Most firing members in a storm digest; the others are counted. */
export const MOST_IN_DIGEST = 100;

export interface Listing {
  readonly listed: readonly ConvergeMember[];
  /** No change is left for another message now. */
  readonly complete: boolean;
}

/** Changes first. */
const ranks: Readonly<Partial<Record<Phase, number>>> = { pending: 0, pending_late: 0, severity_raised: 1, resolved_pending: 2, notified: 3 };

const byUrgency = (a: ConvergeMember, b: ConvergeMember): number =>
  a.severity - b.severity || b.created_at - a.created_at || (a.alert_id < b.alert_id ? -1 : 1);

/**
 * Chooses the members that a message lists: all of a group; of a storm the most severe and newest, and every ended one that was listed before;
 * at most {@link MOST_LISTED}, and as many as fit into `bytes`, but always one.
 */
export function listMembers(kind: Group['kind'], candidates: readonly ConvergeMember[], tally: Tally, bytes: number): Listing {
  const listed = fitting(kind === 'storm' ? inDigest(candidates) : inGroup(candidates), bytes);
  const changes = listed.filter(({ phase }) => (kind === 'storm' ? phase === 'resolved_pending' : phase !== 'notified')).length;
  const due = kind === 'storm' ? tally.resolved_pending : tally.pending + tally.pending_late + tally.severity_raised + tally.resolved_pending;
  return { listed, complete: changes === due };
}

function inGroup(candidates: readonly ConvergeMember[]): ConvergeMember[] {
  return [...candidates].sort((a, b) => (ranks[a.phase] ?? 4) - (ranks[b.phase] ?? 4) || byUrgency(a, b));
}

function inDigest(candidates: readonly ConvergeMember[]): ConvergeMember[] {
  const over = candidates.filter(({ phase }) => phase === 'resolved_pending');
  const open = candidates.filter(({ phase }) => phase !== 'resolved_pending').sort(byUrgency);
  return [...over.sort(byUrgency), ...open.slice(0, MOST_IN_DIGEST)];
}

function fitting(members: readonly ConvergeMember[], bytes: number): ConvergeMember[] {
  const chosen: ConvergeMember[] = [];
  let size = 0;
  for (const member of members.slice(0, MOST_LISTED)) {
    size += Buffer.byteLength(JSON.stringify(member.alert)) + 1;
    if (size > bytes && chosen.length > 0) break;
    chosen.push(member);
  }
  return chosen;
}

/** The next message of a group. Only the last message of an incomplete listing says that all alerts are resolved. */
export function composeMessage(
  group: Group,
  why: FlushReason,
  { listed, complete }: Listing,
  tally: Tally,
  policy: Policy,
  now: number,
): ConvergedAlert {
  const reason = why === 'all alerts resolved' && !complete ? (group.kind === 'storm' ? 'storm updated' : 'some alerts resolved') : why;
  const open = firing(tally);
  const total = group.kind === 'storm' ? group.joined : open + tally.resolved_pending;
  return {
    converge_id: group.converge_id,
    sequence: group.sequence_no + 1,
    kind: group.kind,
    reason,
    status: reason === 'all alerts resolved' ? 'resolved' : 'firing',
    bk_biz_id: group.bk_biz_id,
    strategy_id: group.strategy_id,
    severity: tally.severity,
    dimensions: { ...group.dimensions },
    group_key: group.group_key,
    window: { from: group.opened_at, to: now },
    counts: { firing: open, resolved: total - open, total },
    cause: null,
    members: listed.map(asNotified),
    receivers: receiversOf(group.receivers, policy.receivers),
    time: now,
  };
}

/** A late member is first listed as it was when its notification was due: firing. */
function asNotified({ phase, alert }: ConvergeMember): MemberAlert {
  return phase === 'pending_late' ? { ...alert, status: 'ABNORMAL', end_time: null } : alert;
}
