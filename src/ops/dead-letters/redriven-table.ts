import { ms, textColumn } from '../../database/column.js';
import { table } from '../../database/table.js';

/** A dead letter record that was published again; at most once for each `origin`. */
interface RedrivenDeadLetter {
  /** identity(topic, partition, offset, bytes) of the record before it became a dead letter. */
  readonly origin: string;
  readonly dead_letter: string;
  /** Identifies the command, so that only one of two concurrent commands redrives the record. */
  readonly token: string;
  readonly redriven_by: string;
  readonly redriven_at: number;
}

export const redrivenTable = table<RedrivenDeadLetter>(
  'redriven_dead_letter',
  { origin: textColumn(32), dead_letter: textColumn(160), token: textColumn(36), redriven_by: textColumn(128), redriven_at: ms() },
  { primaryKey: ['origin'] },
);
