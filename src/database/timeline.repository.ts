import { Injectable } from '@nestjs/common';
import { Database } from './database.client.js';
import type { AlertStatusChange } from '../topics.js';

/** `gap`: messages about the alert never arrived. `notified` and `not_sent` are outcomes of notices. */
export type What = AlertStatusChange['what'] | 'gap' | 'notified' | 'not_sent';

/** What happened to an alert, who did it and why. */
export interface TimelineEntry {
  readonly alert_id: string;
  /** When it happened: data time for what Detect said, the clock for everything else (ms). */
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

const COLUMNS = ['alert_id', 'at', 'recorded_at', 'what', 'actor', 'why', 'detail', 'transition_no'];
const WHY_LENGTH = 4000;

/** Appends to the timelines of alerts, as part of the transaction that is open. */
@Injectable()
export class TimelineRepository {
  constructor(private readonly database: Database) {}

  async append(entries: readonly TimelineEntry[]): Promise<void> {
    if (entries.length > 0) await this.database.insert('alert_timeline', COLUMNS, entries.map(rowOf));
  }
}

function rowOf({ alert_id, at, recorded_at, what, actor, why, detail, transition_no }: TimelineEntry): unknown[] {
  return [alert_id, at, recorded_at, what, actor.slice(0, 255), why.slice(0, WHY_LENGTH), detail && JSON.stringify(detail), transition_no];
}
