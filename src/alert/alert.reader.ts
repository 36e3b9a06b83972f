import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import { type StoredEntry, timelineTable } from '../database/timeline-table.js';
import type { Alert } from './alert.js';
import { conditionsOf } from './alert-conditions.js';
import { alertTable } from './alert-table.js';
import { type AlertFilter, type AlertQuery, fits, type Position } from './query.js';

/** Rows that one request examines when its filter matches few of them; the response then has a cursor to continue. */
const MOST_EXAMINED = 10_000;
const CHUNK = 1000;

export interface AlertPage {
  readonly alerts: readonly Alert[];
  /** Position of the next page; absent at the end. A short or empty page is not always the last one. */
  readonly next?: Position;
}

@Injectable()
export class AlertReader {
  constructor(private readonly database: Database) {}

  async find(id: string): Promise<Alert | undefined> {
    return (await this.findByIds([id]))[0];
  }

  /** Existing alerts with these ids, in no order. */
  async findByIds(ids: readonly string[]): Promise<Alert[]> {
    const alerts: Alert[] = [];
    for (let start = 0; start < ids.length; start += CHUNK) {
      const slice = ids.slice(start, start + CHUNK);
      const rows = await this.database.query(`SELECT * FROM alert WHERE alert_id IN (${slice.map(() => '?').join(', ')})`, slice);
      for (const row of rows) alerts.push(alertTable.parse(row));
    }
    return alerts;
  }

  /** Number of open alerts by business. */
  async openByBusiness(): Promise<{ business: string; alerts: number }[]> {
    const rows = await this.database.query<{ bk_biz_id: string; alerts: number | string }>(
      "SELECT bk_biz_id, COUNT(*) AS alerts FROM alert WHERE status = 'ABNORMAL' GROUP BY bk_biz_id ORDER BY bk_biz_id",
    );
    return rows.map(({ bk_biz_id, alerts }) => ({ business: bk_biz_id, alerts: Number(alerts) }));
  }

  /** Newest first. The other conditions are SQL; label matchers are evaluated on the rows that remain. */
  async page({ filter, limit, after }: AlertQuery, mostExamined = MOST_EXAMINED): Promise<AlertPage> {
    const found: Alert[] = [];
    let position = after;
    for (let examined = 0; examined < mostExamined;) {
      const size = filter.labels.length > 0 ? Math.max(500, limit + 1) : limit + 1;
      const rows = await this.#rows(filter, position, size);
      for (const alert of rows) {
        if (!fits(alert, filter)) {
          position = alert;
        } else if (found.length < limit) {
          found.push(alert);
          position = alert;
        } else {
          return { alerts: found, next: position! };
        }
      }
      if (rows.length < size) return { alerts: found };
      examined += rows.length;
    }
    return { alerts: found, next: position! };
  }

  async #rows(filter: AlertFilter, after: Position | undefined, size: number): Promise<Alert[]> {
    const { where, parameters } = conditionsOf(filter, after);
    const rows = await this.database.query(`SELECT * FROM alert${where} ORDER BY begin_time DESC, alert_id DESC LIMIT ?`, [...parameters, size]);
    return rows.map(alertTable.parse);
  }

  /** Entries of an alert, oldest first, with ids greater than `after`. */
  async timeline(alertId: string, limit: number, after = 0): Promise<StoredEntry[]> {
    const rows = await this.database.query('SELECT * FROM alert_timeline WHERE alert_id = ? AND id > ? ORDER BY id LIMIT ?', [alertId, after, limit]);
    return rows.map(timelineTable.parse);
  }

  /** The latest entries of an alert, oldest first. */
  async latest(alertId: string, limit: number): Promise<StoredEntry[]> {
    const rows = await this.database.query('SELECT * FROM alert_timeline WHERE alert_id = ? ORDER BY id DESC LIMIT ?', [alertId, limit]);
    return rows.map(timelineTable.parse).reverse();
  }
}
