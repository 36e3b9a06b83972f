import { bigint, int, json, longText, ms, nullable, sequence, textColumn } from '../../database/column.js';
import { table } from '../../database/table.js';
import type { SourceDefinition } from './source.js';

/** A row of a source. */
export interface SourceRow {
  readonly id: number;
  readonly name: string;
  readonly kind: SourceDefinition['kind'];
  readonly data_id: number | null;
  /** The definition without secrets, which are stored encrypted in `secrets`. */
  readonly definition: SourceDefinition;
  readonly secrets: string | null;
  readonly version: number;
  /** Time since which the declared topics are read: `start: latest` begins here. */
  readonly declared_at: number;
  readonly created_at: number;
  readonly updated_at: number;
}

/** A row of a token: the hash of its text; the text itself is not stored. */
export interface TokenRow {
  readonly id: number;
  readonly source_id: number;
  readonly hash: string;
  readonly created_at: number;
}

export const sourceTable = table<SourceRow, never, 'id'>(
  'source',
  {
    id: sequence(),
    name: textColumn(64),
    kind: textColumn(16),
    data_id: nullable(bigint()),
    definition: json(),
    secrets: nullable(longText()),
    version: bigint(),
    declared_at: ms(),
    created_at: ms(),
    updated_at: ms(),
  },
  { unique: [['name'], ['data_id']] },
);

export const tokenTable = table<TokenRow, never, 'id'>(
  'source_token',
  { id: sequence(), source_id: int(), hash: textColumn(64), created_at: ms() },
  { unique: [['hash']], indexes: [['source_id']] },
);

/** One row (id 1): a number that increases with every change of a source. */
export const sourceVersionTable = table<{ readonly id: number; readonly version: number }>(
  'source_version',
  { id: int(), version: bigint() },
  { primaryKey: ['id'] },
);
