import { ms, text } from '../../database/column.js';
import { table } from '../../database/table.js';

/** A dead letter record that was published again; at most once for each `origin`. */
interface RedrivenDeadLetter {
  /** identity(topic, partition, offset, bytes) of the record before it became a dead letter. */
  readonly origin: string;
  readonly dead_letter: string;
  /** Of the command that redrives it, so that of two concurrent commands only one does. */
  readonly token: string;
  readonly redriven_by: string;
  readonly redriven_at: number;
}

export const redrivenTable = table<RedrivenDeadLetter>(
  'redriven_dead_letter',
  { origin: text(32), dead_letter: text(160), token: text(36), redriven_by: text(128), redriven_at: ms() },
  { primaryKey: ['origin'] },
);
