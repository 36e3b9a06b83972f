import { bigint, caseSensitive, int, ms, named, textColumn } from '../database/column.js';
import { table } from '../database/table.js';
import type { TopicPartition } from './event-log.js';

/** Position of a consumer group in a partition. The source of truth; the offset committed to Kafka only follows. */
export interface Cursor {
  /** Everything below has taken effect. */
  readonly nextOffset: number;
  /** Everything below is reflected in the stored state of a stateful stage. */
  readonly stateOffset: number;
  /** Grows by one with every claim. */
  readonly epoch: number;
}

/** A cursor with the owner of the partition; `owner` is empty when no replica owns it. */
export interface StoredCursor extends TopicPartition, Cursor {
  readonly group: string;
  /** Generation of the group in which the partition was claimed. */
  readonly generation: number;
  readonly owner: string;
  readonly updatedAt: number;
}

export const cursorTable = table<StoredCursor>(
  'stream_cursor',
  {
    group: named('consumer_group', textColumn(128)),
    // Topics of external clusters can differ in case only.
    topic: caseSensitive(textColumn(249)),
    partition: named('partition_no', int()),
    nextOffset: named('next_offset', bigint()),
    stateOffset: named('state_offset', bigint()),
    epoch: bigint(),
    generation: bigint(),
    owner: textColumn(128),
    updatedAt: named('updated_at', ms()),
  },
  { primaryKey: ['group', 'topic', 'partition'] },
);
