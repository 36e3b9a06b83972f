import { int, json, ms, nullable, sequence, textColumn } from '../database/column.js';
import { table } from '../database/table.js';
import type { StrategyBody } from './strategy.js';

interface StoredStrategy {
  readonly id: number;
  readonly bk_biz_id: string;
  readonly name: string;
  /** identity(business, name) while the strategy exists, null once it is deleted: one strategy for each name. */
  readonly live_key: string | null;
  readonly version: number;
  readonly created_at: number;
  readonly updated_at: number;
}

/** A version of a strategy; `body` null: the strategy was deleted. */
export interface StoredStrategyVersion {
  readonly strategy_id: number;
  readonly version: number;
  readonly rules_version: number;
  readonly body: StrategyBody | null;
  readonly changed_by: string;
  readonly changed_at: number;
}

export const strategyTable = table<StoredStrategy, never, 'id'>(
  'strategy',
  {
    id: sequence(),
    bk_biz_id: textColumn(128),
    name: textColumn(128),
    live_key: nullable(textColumn(32)),
    version: int(),
    created_at: ms(),
    updated_at: ms(),
  },
  { unique: [['live_key']] },
);

export const strategyVersionTable = table<StoredStrategyVersion>(
  'strategy_version',
  {
    strategy_id: int(),
    version: int(),
    rules_version: int(),
    body: nullable(json()),
    changed_by: textColumn(128),
    changed_at: ms(),
  },
  { primaryKey: ['strategy_id', 'version'], indexes: [['rules_version']] },
);

/** One row (id 1): the number of the latest rule set. */
export const rulesVersionTable = table<{ readonly id: number; readonly version: number }>(
  'rules_version',
  { id: int(), version: int() },
  { primaryKey: ['id'] },
);
