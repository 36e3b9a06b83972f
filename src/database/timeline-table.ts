import type { AlertStatusChange } from '../topics.js';
import { bigint, bigSequence, clippedLongText, clippedText, json, ms, nullable, textColumn } from './column.js';
import { table } from './table.js';

/** `gap`: messages about the alert never arrived. `notified` and `not_sent` are outcomes of notices. */
export type What = AlertStatusChange['what'] | 'gap' | 'notified' | 'not_sent';

/** One entry in the timeline of an alert, with its actor and reason. */
export interface TimelineEntry {
  readonly alert_id: string;
  /** Time of the event (ms): data time for events of Detect, the clock for all others. */
  readonly at: number;
  readonly recorded_at: number;
  readonly what: What;
  /** `detect`, `tocsin`, `notice`, or the name of a person. */
  readonly actor: string;
  readonly why: string;
  readonly detail: Readonly<Record<string, unknown>> | null;
  /** Number of the message that caused it. */
  readonly transition_no: number | null;
}

/** A timeline entry as it is stored; ids grow in the order of writing. */
export interface StoredEntry extends TimelineEntry {
  readonly id: number;
}

export const timelineTable = table<StoredEntry, never, 'id'>(
  'alert_timeline',
  {
    id: bigSequence(),
    alert_id: textColumn(64),
    at: ms(),
    recorded_at: ms(),
    what: textColumn(32),
    actor: clippedText(255),
    why: clippedLongText(4000),
    detail: nullable(json()),
    transition_no: nullable(bigint()),
  },
  { indexes: [['alert_id', 'id']] },
);
