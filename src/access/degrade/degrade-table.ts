import { derived, double, int, ms, named, nullable, textColumn } from '../../database/column.js';
import { table } from '../../database/table.js';
import { identity } from '../../shared/identity.js';
import type { DegradeSwitch } from './degrade.js';

/** Primary key of the switch of a source; source names are case-sensitive. */
export const switchId = (source: string): string => identity(source);

export const degradeTable = table<DegradeSwitch, 'id'>(
  'degrade_switch',
  {
    id: derived(textColumn(32), ({ source }) => switchId(source)),
    source: textColumn(64),
    drop_priority: nullable(int()),
    keep: named('keep_share', nullable(double())),
    reason: textColumn(255),
    set_by: textColumn(128),
    set_at: ms(),
    expires_at: ms(),
  },
  { primaryKey: ['id'] },
);
