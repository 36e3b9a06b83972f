import type { DataSource } from 'typeorm';

/** Synchronous calls of the SQLite binding, for hot paths. */
export interface SqliteStatement {
  run(...parameters: unknown[]): { changes: number };
  get(...parameters: unknown[]): unknown;
  all(...parameters: unknown[]): unknown[];
}

export interface SqliteConnection {
  prepare(sql: string): SqliteStatement;
}

/** The connection of a SQLite data source. Writes on it belong to the open transaction of the data source. */
export function sqliteConnection(source: DataSource): SqliteConnection {
  return (source.driver as unknown as { databaseConnection: SqliteConnection }).databaseConnection;
}

/** Converts a blob: better-sqlite3 returns a Buffer, libsql an ArrayBuffer. */
export function bytes(blob: unknown): Buffer | null {
  if (blob === null || blob === undefined) return null;
  if (Buffer.isBuffer(blob)) return blob;
  return blob instanceof ArrayBuffer ? Buffer.from(blob) : Buffer.from(blob as Uint8Array);
}
