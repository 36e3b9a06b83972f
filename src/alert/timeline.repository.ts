import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';
import type { TimelineEntry } from './alert.js';

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
