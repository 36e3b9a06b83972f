import { int, json, ms } from '../database/column.js';
import { table } from '../database/table.js';

/** The closed ranges of records that a sandbox was made of. */
export interface SandboxOrigin {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly from: number; readonly end: number }[];
}

/** The one row of a database that is a sandbox: `origin` says what it was made of. */
interface StoredSandbox {
  readonly id: 1;
  readonly made_at: number;
  readonly origin: SandboxOrigin;
}

export const sandboxTable = table<StoredSandbox>('sandbox', { id: int(), made_at: ms(), origin: json() }, { primaryKey: ['id'] });
