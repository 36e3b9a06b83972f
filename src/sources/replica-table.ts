import { json, ms, textColumn } from '../database/column.js';
import { table } from '../database/table.js';
import type { SourceState } from './source-state.js';

/** A live replica, and the state of its sources. */
export interface SourceReplica {
  readonly instance: string;
  readonly expires_at: number;
  readonly states: readonly SourceState[];
}

export const replicaTable = table<SourceReplica>(
  'source_replica',
  { instance: textColumn(128), expires_at: ms(), states: json() },
  { primaryKey: ['instance'] },
);
