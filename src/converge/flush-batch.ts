import { firing, type Tally } from './flush.js';
import type { Group } from './group.js';
import { MOST_LISTED } from './message.js';

/** Members that one flush batch loads at most. */
const MOST_MEMBERS = 5000;

/** The groups of one flush batch: the longest due whose members fit into memory, and always at least one. The others stay due. */
export function fitFlushBatch<G extends Pick<Group, 'converge_id' | 'next_flush_at'>>(
  groups: readonly G[],
  tallies: ReadonlyMap<string, Tally>,
): G[] {
  const chosen: G[] = [];
  let members = 0;
  for (const group of [...groups].sort((a, b) => (a.next_flush_at ?? 0) - (b.next_flush_at ?? 0))) {
    members += candidates(tallies.get(group.converge_id));
    if (members > MOST_MEMBERS && chosen.length > 0) break;
    chosen.push(group);
  }
  return chosen;
}

function candidates(tally: Tally | undefined): number {
  return tally ? Math.min(firing(tally), MOST_LISTED) + Math.min(tally.resolved_pending, MOST_LISTED) : 0;
}
