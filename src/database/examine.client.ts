import type { Database } from './database.client.js';
import { migrations } from './migrations.js';
import { openMysql, openSqliteToRead, type SqliteDriver } from './connection.client.js';

export interface StoredPosition {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly nextOffset: number;
  readonly owner: string;
  readonly updatedAt: number;
}

export interface StoredPause {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly kind: string;
  readonly why: string;
  readonly by: string;
}

/** A partition of the embedded log. */
export interface StoredPartition {
  readonly topic: string;
  readonly partition: number;
  readonly low: number;
  readonly high: number;
  readonly bytes: number;
}

/** State of the database as `doctor` found it. */
export interface DatabaseEvidence {
  /** Address, without the password. */
  readonly at: string;
  readonly problem?: string;
  readonly version: string;
  /** Server variables, by MySQL's names. */
  readonly variables: Readonly<Record<string, string>>;
  /** Clock of the server minus the clock of this process, and the duration of the query (ms). */
  readonly clock: { readonly ahead: number; readonly took: number } | null;
  /** Migrations of this version that have not run; null when the schema could not be read. */
  readonly missing: readonly string[] | null;
  /** Migrations that have run and that this version does not have. */
  readonly unknown: readonly string[];
  readonly positions: readonly StoredPosition[];
  readonly pauses: readonly StoredPause[];
  readonly outbox: { readonly rows: number; readonly oldest: number | null } | null;
  readonly partitions: readonly StoredPartition[];
}

const VARIABLES = [
  'version_comment',
  'transaction_isolation',
  'tx_isolation',
  'sql_mode',
  'innodb_flush_log_at_trx_commit',
  'sync_binlog',
  'log_bin',
  'max_allowed_packet',
  'max_connections',
  'read_only',
  'character_set_server',
];

const empty = { version: '', variables: {}, clock: null, missing: null, unknown: [], positions: [], pauses: [], outbox: null, partitions: [] };

const reason = (error: unknown): string =>
  error instanceof Error ? error.message || (error as NodeJS.ErrnoException).code || error.name : String(error);

/** Examines MySQL or MariaDB and changes nothing, not even the schema. */
export async function examineMysql(url: string, ms: number): Promise<DatabaseEvidence> {
  const { hostname, port, pathname, username } = new URL(url);
  const at = `${username}@${hostname}:${port || 3306}${pathname}`;
  try {
    const database = await openMysql(url, 1, ms);
    try {
      return { ...(await examine(database)), at };
    } finally {
      await database.close();
    }
  } catch (error) {
    return { ...empty, at, problem: reason(error) };
  }
}

/** Examines the embedded database; a server may be using it. */
export async function examineSqlite(path: string, driver: SqliteDriver): Promise<DatabaseEvidence> {
  try {
    const database = await openSqliteToRead(path, driver);
    try {
      return { ...(await examine(database)), at: path };
    } finally {
      await database.close();
    }
  } catch (error) {
    return { ...empty, at: path, problem: reason(error) };
  }
}

async function examine(database: Database): Promise<Omit<DatabaseEvidence, 'at'>> {
  const mysql = database.dialect.name === 'mysql';
  const started = Date.now();
  const [clock] = await database.query<{ now: number | string }>(`SELECT ${database.dialect.now} AS now`);
  const took = Date.now() - started;
  const ran = await optional<{ name: string }>(database, 'SELECT name FROM migrations');
  const known = migrations.map(({ name }) => name);
  const names = new Set(ran?.map(({ name }) => name));
  return {
    ...(mysql ? await mysqlSettings(database) : await sqliteSettings(database)),
    clock: { ahead: Number(clock!.now) - started - Math.round(took / 2), took },
    missing: known.filter((name) => !names.has(name)),
    unknown: [...names].filter((name) => !known.includes(name)),
    positions: await positions(database),
    pauses: await storedPauses(database),
    outbox: mysql ? await outbox(database) : null,
    partitions: mysql ? [] : await logPartitions(database),
  };
}

/** Rows of a table; undefined when an older schema does not have the table. */
async function optional<T = Record<string, unknown>>(database: Database, sql: string): Promise<T[] | undefined> {
  try {
    return await database.query<T>(sql);
  } catch (error) {
    if (/no such table|no such column|doesn't exist|unknown column/i.test(reason(error))) return undefined;
    throw error;
  }
}

async function mysqlSettings(database: Database): Promise<Pick<DatabaseEvidence, 'version' | 'variables'>> {
  const [row] = await database.query<{ version: string }>('SELECT VERSION() AS version');
  // Global variables, because Tocsin sets the session variables itself.
  const rows = await database.query<{ Variable_name: string; Value: string }>(
    `SHOW GLOBAL VARIABLES WHERE Variable_name IN (${VARIABLES.map((name) => `'${name}'`).join(', ')})`,
  );
  return { version: row!.version, variables: Object.fromEntries(rows.map(({ Variable_name, Value }) => [Variable_name, Value])) };
}

async function sqliteSettings(database: Database): Promise<Pick<DatabaseEvidence, 'version' | 'variables'>> {
  const [version] = await database.query<{ version: string }>('SELECT sqlite_version() AS version');
  const [journal] = await database.query<{ journal_mode: string }>('PRAGMA journal_mode');
  return { version: version!.version, variables: { journal_mode: journal!.journal_mode } };
}

async function positions(database: Database): Promise<StoredPosition[]> {
  const rows = await optional(database, 'SELECT consumer_group, topic, partition_no, next_offset, owner, updated_at FROM stream_cursor');
  return (rows ?? []).map((row) => ({
    group: String(row['consumer_group']),
    topic: String(row['topic']),
    partition: Number(row['partition_no']),
    nextOffset: Number(row['next_offset']),
    owner: String(row['owner']),
    updatedAt: Number(row['updated_at']),
  }));
}

async function storedPauses(database: Database): Promise<StoredPause[]> {
  const rows = await optional(database, 'SELECT consumer_group, topic, partition_no, kind, why, paused_by FROM partition_pause');
  return (rows ?? []).map((row) => ({
    group: String(row['consumer_group']),
    topic: String(row['topic']),
    partition: Number(row['partition_no']),
    kind: String(row['kind']),
    why: String(row['why']),
    by: String(row['paused_by']),
  }));
}

async function outbox(database: Database): Promise<DatabaseEvidence['outbox']> {
  const rows = await optional<{ waiting: number | string; oldest: number | string | null }>(
    database,
    'SELECT COUNT(*) AS waiting, MIN(created_at) AS oldest FROM outbox',
  );
  return rows?.[0] ? { rows: Number(rows[0].waiting), oldest: rows[0].oldest === null ? null : Number(rows[0].oldest) } : null;
}

async function logPartitions(database: Database): Promise<StoredPartition[]> {
  const rows = await optional(database, 'SELECT topic, partition_no, low, high, bytes FROM log_partition ORDER BY topic, partition_no');
  return (rows ?? []).map((row) => ({
    topic: String(row['topic']),
    partition: Number(row['partition_no']),
    low: Number(row['low']),
    high: Number(row['high']),
    bytes: Number(row['bytes']),
  }));
}
