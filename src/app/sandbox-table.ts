import { int, json, ms } from '../database/column.js';
import { table } from '../database/table.js';
import type { Sandbox } from './sandbox.js';

/** The one row of a database that is a sandbox: `origin` says what it was made of. */
interface StoredSandbox {
  readonly id: 1;
  readonly made_at: number;
  readonly origin: Omit<Sandbox, 'madeAt'>;
}

export const sandboxTable = table<StoredSandbox>('sandbox', { id: int(), made_at: ms(), origin: json() }, { primaryKey: ['id'] });
