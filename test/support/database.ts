import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate, openMysql, openSqlite } from '../../src/database/connection.client.js';
import type { Database } from '../../src/database/database.client.js';

export interface TestDatabase {
  readonly database: Database;
  close(): Promise<void>;
}

/** A fresh, migrated SQLite database in a temporary folder. */
export async function aSqlite(driver: 'auto' | 'better-sqlite3' | 'libsql' = 'auto'): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-test-'));
  const database = await openSqlite(join(folder, 'tocsin.db'), driver);
  await migrate(database);
  return {
    database,
    close: async () => {
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A fresh, migrated schema on the MySQL or MariaDB server of DATABASE_URL; `url` leads to it. */
export async function aMysql(): Promise<TestDatabase & { readonly url: string }> {
  const url = new URL(process.env['DATABASE_URL'] ?? '');
  const admin = await openMysql(url.href, 1);
  const name = `tocsin_test_${process.pid}_${Math.random().toString(36).slice(2, 8)}`;
  await admin.writer.query(`CREATE DATABASE ${name}`);
  url.pathname = `/${name}`;
  const database = await openMysql(url.href, 4);
  await migrate(database);
  return {
    database,
    url: url.href,
    close: async () => {
      await database.close();
      await admin.writer.query(`DROP DATABASE ${name}`);
      await admin.close();
    },
  };
}

/** The databases that a contract suite runs on: SQLite always, MySQL/MariaDB where DATABASE_URL names one (the test script sees to it). */
export const databases: [string, () => Promise<TestDatabase>][] = [
  ['SQLite', () => aSqlite()],
  ...(process.env['DATABASE_URL'] ? ([['MySQL', aMysql]] as [string, () => Promise<TestDatabase>][]) : []),
];
