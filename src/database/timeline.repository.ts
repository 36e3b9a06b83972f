import { Injectable } from '@nestjs/common';
import { Database } from './database.client.js';
import { type TimelineEntry, timelineTable } from './timeline-table.js';

/** Appends to the timelines of alerts, as part of the open transaction. */
@Injectable()
export class TimelineRepository {
  constructor(private readonly database: Database) {}

  append(entries: readonly TimelineEntry[]): Promise<void> {
    return this.database.insertAll(timelineTable, entries);
  }
}
