import type { ConvergedAlert, Member } from '../topics.js';
import { firing, type Reason, receiversOf, type Tally } from './flush.js';
import type { Group } from './group.js';
import type { Membership, Phase } from './membership.js';
import type { Policy } from './policy.js';

/** Most members in one message; what does not fit follows in the next one. */
export const MOST_LISTED = 500;
/** Most firing members in the digest of a storm; the others are counted. */
export const MOST_IN_DIGEST = 100;

export interface Listing {
  readonly listed: readonly Membership[];
  /** Nothing is left for another message now. */
  readonly complete: boolean;
}

/** News first. */
const ranks: Readonly<Partial<Record<Phase, number>>> = { untold: 0, late: 0, raised: 1, resolved: 2, told: 3 };

const byUrgency = (a: Membership, b: Membership): number => a.severity - b.severity || b.born_at - a.born_at || (a.alert_id < b.alert_id ? -1 : 1);

/**
 * Chooses the members that a message names: all of a group, the most severe and newest of a storm together with every ended one that was named before;
 * at most {@link MOST_LISTED}, and as many as fit into `bytes`, but always one.
 */
export function list(kind: Group['kind'], candidates: readonly Membership[], tally: Tally, bytes: number): Listing {
  const listed = fitting(kind === 'storm' ? inDigest(candidates) : inGroup(candidates), bytes);
  const news = listed.filter(({ phase }) => (kind === 'storm' ? phase === 'resolved' : phase !== 'told')).length;
  const due = kind === 'storm' ? tally.resolved : tally.untold + tally.late + tally.raised + tally.resolved;
  return { listed, complete: news === due };
}

function inGroup(candidates: readonly Membership[]): Membership[] {
  return [...candidates].sort((a, b) => (ranks[a.phase] ?? 4) - (ranks[b.phase] ?? 4) || byUrgency(a, b));
}

function inDigest(candidates: readonly Membership[]): Membership[] {
  const over = candidates.filter(({ phase }) => phase === 'resolved');
  const open = candidates.filter(({ phase }) => phase !== 'resolved').sort(byUrgency);
  return [...over.sort(byUrgency), ...open.slice(0, MOST_IN_DIGEST)];
}

function fitting(members: readonly Membership[], bytes: number): Membership[] {
  const chosen: Membership[] = [];
  let size = 0;
  for (const member of members.slice(0, MOST_LISTED)) {
    size += Buffer.byteLength(JSON.stringify(member.facts)) + 1;
    if (size > bytes && chosen.length > 0) break;
    chosen.push(member);
  }
  return chosen;
}

/** The next message of a group. The end is told with the last page only. */
export function compose(group: Group, why: Reason, { listed, complete }: Listing, tally: Tally, policy: Policy, now: number): ConvergedAlert {
  const reason = why === 'all alerts resolved' && !complete ? (group.kind === 'storm' ? 'storm updated' : 'some alerts resolved') : why;
  const open = firing(tally);
  const total = group.kind === 'storm' ? group.joined : open + tally.resolved;
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
    members: listed.map(shown),
    receivers: receiversOf(group.receivers, policy.receivers),
    time: now,
  };
}

/** An alert whose telling comes late is first told as it was when it was due. */
function shown({ phase, facts }: Membership): Member {
  return phase === 'late' ? { ...facts, status: 'ABNORMAL', end_time: null } : facts;
}
