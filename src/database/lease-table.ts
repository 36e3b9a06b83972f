import { bigint, ms, textColumn } from './column.js';
import { table } from './table.js';

interface StoredLease {
  readonly name: string;
  readonly owner: string;
  /** Grows by one with every change of the owner. */
  readonly epoch: number;
  readonly expires_at: number;
}

export const leaseTable = table<StoredLease>(
  'lease',
  { name: textColumn(64), owner: textColumn(128), epoch: bigint(), expires_at: ms() },
  { primaryKey: ['name'] },
);
