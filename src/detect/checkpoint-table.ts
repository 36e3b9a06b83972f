import { blob, int, textColumn } from '../database/column.js';
import { table } from '../database/table.js';

/** A packed block of the memory of a partition. */
interface StoredBlock {
  readonly topic: string;
  readonly partition_no: number;
  readonly block: string;
  readonly content: unknown;
}

export const checkpointTable = table<StoredBlock>(
  'detect_checkpoint',
  { topic: textColumn(128), partition_no: int(), block: textColumn(120), content: blob() },
  { primaryKey: ['topic', 'partition_no', 'block'] },
);
