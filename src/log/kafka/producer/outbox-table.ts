import { bigSequence, blob, ms, text } from '../../../database/column.js';
import { table } from '../../../database/table.js';

/** Records that wait to be published, packed in one parcel; published in the order of the ids within a lane. */
export interface StoredParcel {
  readonly id: number;
  readonly lane: string;
  readonly parcel: Buffer;
  readonly created_at: number;
}

/** The embedded log needs no outbox: its records are rows of the same database. */
export const outboxTable = table<StoredParcel, never, 'id'>(
  'outbox',
  { id: bigSequence(), lane: text(191), parcel: blob(), created_at: ms() },
  { indexes: [['lane', 'id']], only: 'mysql' },
);
