import { int, json, ms } from '../database/column.js';
import { table } from '../database/table.js';

/** The closed ranges of records from which a sandbox was created. */
export interface SandboxOrigin {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly from: number; readonly end: number }[];
}

/** The single row that marks a database as a sandbox; `origin` contains the ranges from which it was created. */
interface StoredSandbox {
  readonly id: 1;
  readonly made_at: number;
  readonly origin: SandboxOrigin;
}

export const sandboxTable = table<StoredSandbox>('sandbox', { id: int(), made_at: ms(), origin: json() }, { primaryKey: ['id'] });
