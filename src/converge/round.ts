import { firing, type Tally } from './flush.js';
import type { Group } from './group.js';
import { MOST_LISTED } from './message.js';

/** Most members in the memory of one round. */
const MOST_MEMBERS = 5000;

/** The groups that one round tells, so that their members fit into memory: the longest waiting, but always one. The others stay due. */
export function firstThatFit<G extends Pick<Group, 'converge_id' | 'next_flush_at'>>(groups: readonly G[], tallies: ReadonlyMap<string, Tally>): G[] {
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
  return tally ? Math.min(firing(tally), MOST_LISTED) + Math.min(tally.resolved, MOST_LISTED) : 0;
}
