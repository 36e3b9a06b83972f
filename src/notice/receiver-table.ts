import { flagColumn, json, ms, sequence, textColumn, withDefault } from '../database/column.js';
import { table } from '../database/table.js';
import type { Receiver } from './receiver.js';

export const receiverTable = table<Receiver, never, 'id'>(
  'notice_receiver',
  {
    id: sequence(),
    name: textColumn(128),
    channel: textColumn(32),
    settings: json(),
    send_resolved: withDefault(flagColumn(), true),
    is_default: withDefault(flagColumn(), true),
    is_enabled: withDefault(flagColumn(), true),
    created_at: ms(),
    updated_at: ms(),
  },
  { unique: [['name']] },
);
