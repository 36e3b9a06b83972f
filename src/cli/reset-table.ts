import type { PlannedReset } from '../ops/offsets/offsets.service.js';
import { formatTable } from './table.js';

/** API response to an offset reset, or to its dry run. */
export interface ResetAnswer {
  readonly dry_run: boolean;
  readonly partitions: readonly PlannedReset[];
}

/** Old and new offsets. */
export function formatReset({ dry_run, partitions }: ResetAnswer): string {
  const rows = partitions.map(({ partition, from, offset, clamped, memory }) => [
    partition,
    from,
    offset,
    from === null ? null : offset - from,
    [clamped && `clamped to the ${clamped} of the log`, memory && `memory ${memory}`].filter(Boolean).join('; ') || null,
  ]);
  const table = formatTable(['PARTITION', 'OLD', 'NEW', 'CHANGE', 'NOTE'], rows);
  return `${table}${dry_run ? 'dry run, nothing was changed; use --yes to apply' : 'offsets reset; they take effect when the group starts'}\n`;
}
