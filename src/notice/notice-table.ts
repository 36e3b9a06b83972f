import { bigint, bigSequence, clippedLongText, int, json, ms, named, nullable, textColumn, unmapped } from '../database/column.js';
import { table } from '../database/table.js';
import type { Notice } from './notice.js';

export const noticeTable = table<Notice, 'body', 'id'>(
  'notice',
  {
    id: bigSequence(),
    receiver: textColumn(128),
    converge_id: textColumn(64),
    sequence: named('sequence_no', bigint()),
    idempotency_key: textColumn(32),
    status: textColumn(16),
    state: textColumn(16),
    reason: nullable(textColumn(64)),
    attempts: int(),
    next_attempt_at: ms(),
    created_at: ms(),
    first_attempt_at: nullable(ms()),
    finished_at: nullable(ms()),
    last_code: nullable(int()),
    last_error: nullable(clippedLongText(1000)),
    // The converged message; null when it was never meant to be sent.
    body: unmapped(nullable(json())),
  },
  {
    unique: [['converge_id', 'receiver', 'sequence']],
    indexes: [
      ['converge_id', 'receiver', 'state'],
      ['state', 'receiver', 'next_attempt_at'],
    ],
  },
);
