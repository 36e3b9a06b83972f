import { clippedText, int, longText, ms, named, nullable, sequence, textColumn, unmapped } from '../database/column.js';
import { table } from '../database/table.js';
import type { Push } from './push.js';

export const pushTable = table<Push, 'body', 'id'>(
  'push',
  {
    id: sequence(),
    queue_key: textColumn(64),
    queue: named('queue_name', clippedText(255)),
    bk_biz_id: textColumn(128),
    alert_id: textColumn(64),
    alert_key: textColumn(64),
    event_id: textColumn(64),
    type: named('push_type', textColumn(32)),
    body: unmapped(longText()),
    state: textColumn(16),
    reason: nullable(textColumn(64)),
    attempts: int(),
    created_at: ms(),
    finished_at: nullable(ms()),
    last_error: nullable(clippedText(1000)),
  },
  { unique: [['event_id', 'queue_key']], indexes: [['state', 'queue_key', 'id'], ['alert_id']] },
);
