import { bigSequence, blob, flagColumn, ms, named, textColumn } from '../../../database/column.js';
import { table } from '../../../database/table.js';

/** An outbox row: encoded records that wait to be published. The relay publishes rows in the order of their ids within an ordering key. */
export interface StoredParcel {
  readonly id: number;
  readonly orderingKey: string;
  readonly parcel: Buffer;
  readonly createdAt: number;
  /** Exceeds max.message.bytes of its topic, and must not block the ordering key. */
  readonly isQuarantined: boolean;
}

/** The embedded log needs no outbox: its records are rows of the same database. */
export const outboxTable = table<StoredParcel, never, 'id'>(
  'outbox',
  {
    id: bigSequence(),
    orderingKey: named('ordering_key', textColumn(191)),
    parcel: blob(),
    createdAt: named('created_at', ms()),
    isQuarantined: named('is_quarantined', flagColumn()),
  },
  { indexes: [['isQuarantined', 'orderingKey', 'id']], only: 'mysql' },
);
