import type { Planned } from '../ops/offsets/offsets.service.js';
import { formatTable } from './table.js';

/** What the API answers when a group is moved, or would be. */
export interface ResetAnswer {
  readonly dry_run: boolean;
  readonly partitions: readonly Planned[];
}

/** Old and new offsets. */
export function formatReset({ dry_run, partitions }: ResetAnswer): string {
  const rows = partitions.map(({ partition, from, offset, clamped, memory }) => [
    partition,
    from,
    offset,
    from === null ? null : offset - from,
    [clamped && `cut at the ${clamped} of the log`, memory && `memory ${memory}`].filter(Boolean).join('; ') || null,
  ]);
  const table = formatTable(['PARTITION', 'OLD', 'NEW', 'CHANGE', 'NOTE'], rows);
  return `${table}${dry_run ? 'nothing was changed; --yes does it' : 'done; it takes effect when the group starts'}\n`;
}
