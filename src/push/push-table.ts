import { clippedText, int, longText, ms, named, nullable, sequence, text, unmapped } from '../database/column.js';
import { table } from '../database/table.js';
import type { Push } from './push.js';

export const pushTable = table<Push, 'body', 'id'>(
  'push',
  {
    id: sequence(),
    queue_key: text(64),
    queue: named('queue_name', clippedText(255)),
    bk_biz_id: text(128),
    alert_id: text(64),
    alert_key: text(64),
    event_id: text(64),
    type: named('push_type', text(32)),
    body: unmapped(longText()),
    state: text(16),
    reason: nullable(text(64)),
    attempts: int(),
    created_at: ms(),
    finished_at: nullable(ms()),
    last_error: nullable(clippedText(1000)),
  },
  { unique: [['event_id', 'queue_key']], indexes: [['state', 'queue_key', 'id'], ['alert_id']] },
);
