import { bigint, insertOnly, int, json, ms, nullable, textColumn } from '../database/column.js';
import { table } from '../database/table.js';
import type { ConvergeMember } from './converge-member.js';

/** Alert events change the columns that are not insert-only; only the flush changes those that record notifications. */
export const memberTable = table<ConvergeMember>(
  'converge_member',
  {
    alert_id: textColumn(64),
    alert_key: insertOnly(textColumn(64)),
    converge_id: textColumn(32),
    moved_from: nullable(textColumn(32)),
    phase: textColumn(16),
    severity: int(),
    notified_severity: insertOnly(nullable(int())),
    transition_no: bigint(),
    created_at: insertOnly(ms()),
    ended_at: nullable(ms()),
    notified_firing_seq: insertOnly(nullable(bigint())),
    notified_resolved_seq: insertOnly(nullable(bigint())),
    not_notified_reason: nullable(textColumn(32)),
    alert: json(),
  },
  { primaryKey: ['alert_id'], indexes: [['converge_id', 'phase', 'severity', 'created_at']] },
);
