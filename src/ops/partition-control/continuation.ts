import type { Cursor } from '../../log/cursor-table.js';
import type { PartitionPause } from '../../log/consuming/partition-pause.js';
import { stateAfterMove } from '../offsets/position.js';

/** Operator decision about missing records. */
export interface GapDecision {
  /** Skip records that retention deleted. */
  readonly acceptGap: boolean;
  /** Start position in a recreated topic. */
  readonly from: 'earliest' | 'latest' | undefined;
}

/** Decision on the resumption of a paused or halted partition. */
export type ResumePlan =
  | { readonly kind: 'go' }
  /** Resumes at another offset; `givenUp` describes the skipped records. */
  | { readonly kind: 'move'; readonly nextOffset: number; readonly stateOffset: number; readonly givenUp: string }
  | { readonly kind: 'undecided'; readonly needs: string };

/** `cursor` is undefined when the group has not begun the partition; `low` and `high` are the current log bounds. */
export function resumePlan(
  halt: Pick<PartitionPause, 'code' | 'why'> | undefined,
  cursor: Pick<Cursor, 'nextOffset' | 'stateOffset'> | undefined,
  { low, high }: { readonly low: number; readonly high: number },
  { acceptGap, from }: GapDecision,
): ResumePlan {
  if (!cursor || (halt?.code !== 'T6101' && halt?.code !== 'T6102')) return { kind: 'go' };
  const { nextOffset, stateOffset } = cursor;
  if (nextOffset > high) {
    if (!from) return { kind: 'undecided', needs: `${halt.why}; choose where to resume: --from earliest (${low}) or --from latest (${high})` };
    const to = from === 'earliest' ? low : high;
    const givenUp = `cursor ${nextOffset} was beyond the log end offset ${high}; resumed at ${to}`;
    return { kind: 'move', nextOffset: to, stateOffset: stateAfterMove(cursor, to, high).stateOffset, givenUp };
  }
  const missing = Math.min(nextOffset, stateOffset);
  if (missing >= low) return { kind: 'go' };
  if (!acceptGap) return { kind: 'undecided', needs: `${halt.why}; --accept-gap skips them and resumes at ${Math.max(nextOffset, low)}` };
  const givenUp =
    nextOffset < low
      ? `records ${nextOffset} to ${low - 1} were skipped`
      : `records ${stateOffset} to ${low - 1} were processed, but are missing in the in-memory state`;
  return { kind: 'move', nextOffset: Math.max(nextOffset, low), stateOffset: Math.max(stateOffset, low), givenUp };
}
