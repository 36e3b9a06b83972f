import { int, json, ms } from '../database/column.js';
import { table } from '../database/table.js';

/** The one row of a database that is a sandbox: `origin` says what it was made of. */
interface StoredSandbox {
  readonly id: 1;
  readonly made_at: number;
  readonly origin: unknown;
}

export const sandboxTable = table<StoredSandbox>('sandbox', { id: int(), made_at: ms(), origin: json() }, { primaryKey: ['id'] });
