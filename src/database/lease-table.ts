import { bigint, ms, text } from './column.js';
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
  { name: text(64), owner: text(128), epoch: bigint(), expires_at: ms() },
  { primaryKey: ['name'] },
);
