import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DataSource, type DataSourceOptions, type QueryRunner } from 'typeorm';
import { Database } from './database.client.js';
import { mysql, sqlite } from './dialect.js';
import { migrations, replacedMigrations } from './migrations.js';
import { TocsinError } from '../shared/errors.js';

export type SqliteDriver = 'auto' | 'better-sqlite3' | 'libsql';

interface SqlitePragmas {
  pragma(text: string): unknown;
}

/**
 * Opens the embedded database. `driver` auto uses better-sqlite3 where npm could build it, else libsql, whose package contains the binary.
 * WAL with synchronous=FULL: committed data survives kill -9 and power loss.
 */
export async function openSqlite(path: string, driver: SqliteDriver = 'auto'): Promise<Database> {
  mkdirSync(dirname(path), { recursive: true });
  const binding = await loadSqlite(driver);
  const common = {
    type: 'better-sqlite3' as const,
    database: path,
    driver: binding,
    statementCacheSize: 200,
    prepareDatabase: (connection: SqlitePragmas) => {
      connection.pragma('busy_timeout = 10000');
      connection.pragma('journal_mode = WAL');
      connection.pragma('synchronous = FULL');
      connection.pragma('foreign_keys = ON');
      connection.pragma('journal_size_limit = 67108864');
    },
  };
  const writer = await new DataSource({ ...common, migrations, migrationsTransactionMode: 'each' } as DataSourceOptions).initialize();
  return new Database(sqlite, writer, await openReader(path, binding));
}

function openReader(path: string, binding: unknown): Promise<DataSource> {
  return new DataSource({
    type: 'better-sqlite3',
    database: path,
    driver: binding,
    statementCacheSize: 200,
    readonly: true,
    fileMustExist: true,
    prepareDatabase: (connection: SqlitePragmas) => connection.pragma('busy_timeout = 10000'),
  } as DataSourceOptions).initialize();
}

/** Opens the embedded database read-only; a server may be using it. Throws {@link TocsinError} T5003 when the file does not exist. */
export async function openSqliteToRead(path: string, driver: SqliteDriver = 'auto'): Promise<Database> {
  if (!existsSync(path)) throw new TocsinError('T5003', `database file ${path} does not exist`);
  const reader = await openReader(path, await loadSqlite(driver));
  return new Database(sqlite, reader, reader);
}

/** The class of the SQLite binding. */
export async function loadSqlite(driver: SqliteDriver): Promise<unknown> {
  if (driver !== 'libsql') {
    try {
      const binding = defaultExport(await import('better-sqlite3' as string)) as new (path: string) => { close(): void };
      new binding(':memory:').close();
      return binding;
    } catch (error) {
      // An optional dependency: npm skips it when there is no compiler.
      if (driver === 'better-sqlite3') throw error;
    }
  }
  return defaultExport(await import('libsql' as string));
}

function defaultExport(module: unknown): unknown {
  return (module as { default?: unknown }).default ?? module;
}

const READ_COMMITTED = 'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED';
/** Seconds after which the server ends an idle transaction of a frozen replica and releases its locks, so that the next owner can continue. */
const IDLE_TRANSACTION_S = 10;
/** Lock wait timeout (s): a frozen replica must not acquire a lock long after it asked for it. */
const LOCK_WAIT_S = 10;
/** MariaDB ends transactions of idle clients; MySQL has no such timeout and treats the rest of the statement as a comment. */
const endIdleTransactions = (seconds: number): string => `SET SESSION sql_auto_is_null = 0 /*M!100300 , idle_transaction_timeout = ${seconds} */`;

/** Opens MySQL or MariaDB. READ COMMITTED everywhere; the server must be a single primary. */
export async function openMysql(url: string, pool: number, connectMs = 10_000, idleTransactionS = IDLE_TRANSACTION_S): Promise<Database> {
  const at = new URL(url);
  const source = await new DataSource({
    type: 'mariadb',
    host: at.hostname,
    port: Number(at.port || 3306),
    username: decodeURIComponent(at.username),
    password: decodeURIComponent(at.password),
    database: at.pathname.slice(1),
    charset: 'utf8mb4',
    timezone: 'Z',
    poolSize: pool,
    migrations,
    migrationsTransactionMode: 'none',
    extra: { enableKeepAlive: true, connectTimeout: connectMs },
  }).initialize();
  const connections = (source.driver as unknown as { pool: MysqlPool }).pool;
  const settings = [READ_COMMITTED, endIdleTransactions(idleTransactionS), `SET SESSION innodb_lock_wait_timeout = ${LOCK_WAIT_S}`];
  connections.on('connection', (connection) => settings.forEach((sql) => connection.query(sql)));
  // `initialize` opened one connection before the listener was added. It is idle, so the pool runs these statements on it.
  for (const sql of settings) await source.query(sql);
  return new Database(mysql, source, source, () => ({
    open: connections._allConnections.length,
    idle: connections._freeConnections.length,
    waiting: connections._connectionQueue.length,
  }));
}

/** Private fields of the mysql2 pool, which does not publish its connection counts. */
interface MysqlPool {
  readonly _allConnections: { readonly length: number };
  readonly _freeConnections: { readonly length: number };
  readonly _connectionQueue: { readonly length: number };
  on(event: 'connection', listener: (connection: { query(sql: string): unknown }) => void): void;
}

/**
 * Migrates the schema to this version. Several replicas may call it at once: one migrates, the others wait.
 * Throws {@link TocsinError} T5039, and changes nothing, when a development version of 0.1.0 created the schema.
 */
export async function migrate(database: Database): Promise<string[]> {
  const runner = database.writer.createQueryRunner();
  try {
    if (database.dialect.name === 'mysql') await runner.query("SELECT GET_LOCK('tocsin.migrations', 120)");
    await refuseReplaced(runner);
    const done = await database.writer.runMigrations();
    return done.map(({ name }) => name);
  } finally {
    if (database.dialect.name === 'mysql') await runner.query("SELECT RELEASE_LOCK('tocsin.migrations')");
    await runner.release();
  }
}

async function refuseReplaced(runner: QueryRunner): Promise<void> {
  if (!(await runner.hasTable('migrations'))) return;
  const ran = (await runner.query('SELECT name FROM migrations')) as { name: string }[];
  const [first] = replacedMigrations(ran.map(({ name }) => name));
  if (first === undefined) return;
  throw new TocsinError('T5039', `migration ${first} has run; start with an empty database (or data folder): there is no upgrade`);
}
