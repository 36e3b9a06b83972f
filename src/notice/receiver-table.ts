import { flag, json, ms, sequence, text, withDefault } from '../database/column.js';
import { table } from '../database/table.js';
import type { Receiver } from './receiver.js';

export const receiverTable = table<Receiver, never, 'id'>(
  'notice_receiver',
  {
    id: sequence(),
    name: text(128),
    channel: text(32),
    settings: json(),
    send_resolved: withDefault(flag(), true),
    is_default: withDefault(flag(), true),
    is_enabled: withDefault(flag(), true),
    created_at: ms(),
    updated_at: ms(),
  },
  { unique: [['name']] },
);
