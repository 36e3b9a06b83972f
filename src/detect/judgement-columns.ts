import { ColumnTable } from './column-table.js';
import type { Rule } from './rules.js';

/** The state of the judgement, by series. */
export interface JudgementColumns {
  /** First period after the latest judged one. */
  judgedThrough: Float64Array;
  /** Time (ms) of the latest end of an alert. */
  lastEnd: Float64Array;
  /** Severity of the open alert; 0 when none is open, and the next five columns are then undefined. */
  severity: Uint8Array;
  /** Number of its last message. */
  transition: Uint32Array;
  /** Version of the strategy that fired it. */
  strategyVersion: Uint32Array;
  /** Periods without its condition. */
  streak: Uint32Array;
  /** Its begin_time (ms). */
  beginTime: Float64Array;
  /** Time (ms) of its last message. */
  emittedAt: Float64Array;
  /** Anomalies by level, see windows.ts. */
  windows: Uint32Array;
}

export function judgementTable({ words }: Pick<Rule, 'words'>): ColumnTable<JudgementColumns> {
  const cells = {
    judgedThrough: new Float64Array(0),
    lastEnd: new Float64Array(0),
    severity: new Uint8Array(0),
    transition: new Uint32Array(0),
    strategyVersion: new Uint32Array(0),
    streak: new Uint32Array(0),
    beginTime: new Float64Array(0),
    emittedAt: new Float64Array(0),
    windows: new Uint32Array(0),
  };
  return new ColumnTable<JudgementColumns>(cells, {
    judgedThrough: { width: 1, empty: -Infinity },
    lastEnd: { width: 1, empty: -Infinity },
    severity: { width: 1, empty: 0 },
    transition: { width: 1, empty: 0 },
    strategyVersion: { width: 1, empty: 0 },
    streak: { width: 1, empty: 0 },
    beginTime: { width: 1, empty: 0 },
    emittedAt: { width: 1, empty: 0 },
    windows: { width: words, empty: 0 },
  });
}
