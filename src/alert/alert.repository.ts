import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import type { Alert, AlertState } from './alert.js';
import { alertTable, alertWriter, stateReader, stateWriter } from './alert-table.js';

const CHUNK = 1000;

/** Writes alerts; every method runs in the open transaction. */
@Injectable()
export class AlertRepository {
  constructor(private readonly database: Database) {}

  /** Locks and reads one alert. */
  async lock(id: string): Promise<Alert | undefined> {
    const rows = await this.database.query(`SELECT * FROM alert WHERE alert_id = ?${this.database.dialect.forUpdate}`, [id]);
    return rows.map(alertTable.parse)[0];
  }

  /**
   * Locks and reads the alerts with these ids, and for unknown ids the open alert of the same key.
   * By primary key first, which is the order of commands too.
   */
  async lockAll(wanted: readonly { readonly alert_id: string; readonly alert_key: string }[]): Promise<AlertState[]> {
    const known = await this.#locked('alert_id', [...new Set(wanted.map(({ alert_id }) => alert_id))]);
    const ids = new Set(known.map(({ alert_id }) => alert_id));
    const keys = new Set(wanted.filter(({ alert_id }) => !ids.has(alert_id)).map(({ alert_key }) => alert_key));
    const open = await this.#locked('open_key', [...keys]);
    return [...known, ...open.filter(({ alert_id }) => !ids.has(alert_id))];
  }

  async #locked(name: 'alert_id' | 'open_key', values: string[]): Promise<AlertState[]> {
    const alerts: AlertState[] = [];
    values.sort();
    for (let start = 0; start < values.length; start += CHUNK) {
      const slice = values.slice(start, start + CHUNK);
      const places = slice.map(() => '?').join(', ');
      const sql = `SELECT ${stateReader.selection} FROM alert WHERE ${name} IN (${places})${this.database.dialect.forUpdate}`;
      for (const row of await this.database.query(sql, slice)) alerts.push(stateReader.parse(row));
    }
    return alerts;
  }

  /**
   * Saves stored alerts that changed and alerts that are new. The changed ones, which must be locked, come first, because they may free the key
   * of a new one; a new alert is inserted plainly, so that a violated key is an error and never overwrites another alert.
   */
  async save(changed: readonly AlertState[], created: readonly Alert[] = []): Promise<void> {
    await this.database.insertAll(stateWriter, inOrder(changed), alertTable.upsert);
    await this.database.insertAll(alertWriter, inOrder(created));
  }
}

/** In the order of the primary key, so that two writers cannot deadlock. */
function inOrder<A extends AlertState>(alerts: readonly A[]): A[] {
  return [...alerts].sort((a, b) => (a.alert_id < b.alert_id ? -1 : 1));
}
