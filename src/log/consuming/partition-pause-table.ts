import { clippedText, int, ms, named, nullable, textColumn } from '../../database/column.js';
import { table } from '../../database/table.js';
import type { PartitionPause } from './partition-pause.js';

export const partitionPauseTable = table<PartitionPause>(
  'partition_pause',
  {
    group: named('consumer_group', textColumn(128)),
    topic: textColumn(249),
    partition: named('partition_no', int()),
    kind: textColumn(16),
    code: nullable(textColumn(8)),
    why: clippedText(1000),
    by: named('paused_by', clippedText(128)),
    at: named('paused_at', ms()),
    until: named('until_at', nullable(ms())),
  },
  { primaryKey: ['group', 'topic', 'partition', 'kind'] },
);
