import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { TocsinError } from '../shared/errors.js';
import { loadSqlite, type SqliteDriver } from './connection.client.js';
import { messageOf } from '../shared/error-message.js';

interface LockConnection {
  pragma(text: string): unknown;
  exec(sql: string): unknown;
  close(): void;
}

/** Whether a process uses the folder; its lock file must exist. */
export async function isLocked(folder: string, driver: SqliteDriver): Promise<boolean> {
  const Binding = (await loadSqlite(driver)) as new (path: string) => LockConnection;
  const connection = new Binding(join(folder, 'tocsin.lock'));
  try {
    connection.pragma('busy_timeout = 100');
    connection.exec('BEGIN IMMEDIATE');
    return false;
  } catch (error) {
    if (/locked|busy/i.test(String(error))) return true;
    throw error;
  } finally {
    connection.close();
  }
}

/**
 * Locks a data folder for the lifetime of this process: an exclusive SQLite lock, which the operating system releases with the process.
 * Returns the function that releases it. Throws {@link TocsinError} T5003 when another process has the lock.
 */
export async function lockFolder(folder: string, driver: SqliteDriver): Promise<() => void> {
  mkdirSync(folder, { recursive: true });
  const Binding = (await loadSqlite(driver)) as new (path: string) => LockConnection;
  const connection = new Binding(join(folder, 'tocsin.lock'));
  try {
    connection.pragma('busy_timeout = 2000');
    connection.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    connection.close();
    throw new TocsinError('T5003', `directory ${folder} is locked by another process (${messageOf(error)})`);
  }
  return () => connection.close();
}
