import { AsyncLocalStorage } from 'node:async_hooks';
import type { DataSource, QueryRunner } from 'typeorm';
import { AmbiguousCommitError, isConnectionLoss } from './failures.js';
import { Mutex } from './mutex.js';
import type { Dialect } from './dialect.js';
import type { RowWriter } from './table.js';

type Parameters = readonly unknown[];

interface Transaction {
  /** Set by the first statement: a transaction without statements has no cost. */
  runner: QueryRunner | undefined;
  /** Monotonic clock (ms). */
  begunAt: number;
  committingAt: number | undefined;
  beginning: Promise<QueryRunner> | undefined;
  release: (() => void) | undefined;
  readonly options: TransactionOptions;
  readonly beforeCommit: (() => Promise<void>)[];
  readonly afterCommit: (() => void)[];
}

/** Outcome of a transaction that ran at least one statement. */
export interface Ended {
  readonly outcome: 'committed' | 'rolled_back' | 'ambiguous' | 'discarded';
  /** Duration from its first statement to its end. */
  readonly seconds: number;
  /** Duration of COMMIT; undefined when COMMIT was not reached. */
  readonly commitSeconds: number | undefined;
}

/** Numbers of connections to the database server. */
export interface Pool {
  readonly open: number;
  readonly idle: number;
  /** Callers that wait for a connection. */
  readonly waiting: number;
}

export interface TransactionOptions {
  /** Runs as the first statements of the transaction, before any other; a rejection rolls it back. */
  readonly onBegin?: () => Promise<void>;
  /** Published records keep their order within an ordering key; default {@link COMMANDS}. */
  readonly orderingKey?: string;
  /** Always roll back, and run no hook: for work that is repeated only to rebuild in-memory state. */
  readonly discard?: boolean;
}

/** When a row with the same `key` exists, INSERT sets the columns `update` to the new values, or keeps the row when there are none. */
export interface OnConflict {
  readonly key: readonly string[];
  readonly update: readonly string[];
}

/** Ordering key of records that no partition causes: those of HTTP commands and timers. */
export const COMMANDS = 'commands';

/**
 * SQL access: the same statements on MySQL/MariaDB and SQLite, `?` placeholders, and one way to run a transaction.
 *
 * A transaction belongs to the asynchronous call tree that `transaction` started; every `query` and `execute` in it joins the transaction.
 * It begins with its first statement. Outside a transaction only reads are possible (SQLite: on a read-only connection).
 */
export class Database {
  readonly #current = new AsyncLocalStorage<Transaction>();
  readonly #writers = new Mutex();
  /** Transactions that wait to begin: for the single writer of SQLite, or for a connection. */
  waiting = 0;
  /** Called at the end of every transaction; must not throw. */
  onEnded: ((ended: Ended) => void) | undefined;

  constructor(
    readonly dialect: Dialect,
    /** Writes, and reads inside transactions. */
    readonly writer: DataSource,
    /** Reads outside transactions; the same as `writer` except on SQLite. */
    readonly reader: DataSource,
    /** Absent on SQLite, which has one connection for writing and one for reading. */
    readonly pool?: () => Pool,
  ) {}

  /** Rows of a SELECT. Integers beyond 2^53 are not supported; blobs are Buffer (MySQL) or Uint8Array. */
  async query<T = Record<string, unknown>>(sql: string, parameters: Parameters = []): Promise<T[]> {
    const transaction = this.#current.getStore();
    if (!transaction) return (await this.reader.query(sql, [...parameters])) as T[];
    const runner = await this.#begin(transaction);
    return (await runner.query(sql, [...parameters])) as T[];
  }

  /** Runs a writing statement inside the current transaction; returns the number of changed rows (MySQL: found rows). */
  async execute(sql: string, parameters: Parameters = []): Promise<number> {
    const transaction = this.#current.getStore();
    if (!transaction) throw new Error('write outside a transaction: ' + sql.slice(0, 80));
    const runner = await this.#begin(transaction);
    const result = await runner.query(sql, [...parameters], true);
    return result.affected ?? 0;
  }

  /**
   * Multi-row INSERT in as few statements as the dialect allows. Rows are arrays in the order of `columns`.
   */
  async insert(table: string, columns: readonly string[], rows: readonly Parameters[], conflict?: OnConflict): Promise<void> {
    const perStatement = Math.max(1, Math.min(1000, Math.floor(this.dialect.maxPlaceholders / columns.length)));
    const tail = conflict ? this.dialect.onConflict(conflict.key, conflict.update) : '';
    const placeholders = `(${columns.map(() => '?').join(', ')})`;
    for (let start = 0; start < rows.length; start += perStatement) {
      const slice = rows.slice(start, start + perStatement);
      const values = new Array(slice.length).fill(placeholders).join(', ');
      await this.execute(`INSERT INTO ${table} (${columns.join(', ')}) VALUES ${values}${tail}`, slice.flat());
    }
  }

  /** Inserts objects by the description of their table, as {@link insert}. */
  async insertAll<O>(table: RowWriter<O>, objects: readonly O[], conflict?: OnConflict): Promise<void> {
    if (objects.length > 0) await this.insert(table.name, table.columns, objects.map(table.row), conflict);
  }

  get inTransaction(): boolean {
    return this.#current.getStore() !== undefined;
  }

  /** True when the current transaction has sent a statement to the database. */
  get begun(): boolean {
    return this.#current.getStore()?.runner !== undefined;
  }

  /** Identity of the current transaction, for maps. */
  get transactionKey(): object {
    return this.#required();
  }

  /** Ordering key of the current transaction. */
  get orderingKey(): string {
    return this.#required().options.orderingKey ?? COMMANDS;
  }

  /** Runs at the end of the current transaction, still inside it, in the order of registration. */
  beforeCommit(action: () => Promise<void>): void {
    this.#required().beforeCommit.push(action);
  }

  /** Runs after the current transaction is durable; never when it rolled back. */
  afterCommit(action: () => void): void {
    this.#required().afterCommit.push(action);
  }

  /** Begins the current transaction now, for callers that need it without a statement of their own. */
  async begin(): Promise<void> {
    await this.#begin(this.#required());
  }

  /**
   * Runs `work` in a transaction and commits it; a rejection rolls back and is rethrown. Inside another transaction it joins that one.
   * Throws {@link AmbiguousCommitError} when the connection was lost during COMMIT: only the data shows whether the commit succeeded.
   */
  async transaction<T>(work: () => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    if (this.inTransaction) return work();
    const transaction: Transaction = {
      runner: undefined,
      begunAt: 0,
      committingAt: undefined,
      beginning: undefined,
      release: undefined,
      options,
      beforeCommit: [],
      afterCommit: [],
    };
    const result = await this.#current.run(transaction, () => this.#runToEnd(transaction, work));
    if (!options.discard) for (const action of transaction.afterCommit) action();
    return result;
  }

  async #runToEnd<T>(transaction: Transaction, work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      if (transaction.options.discard) {
        await this.#rollback(transaction);
        this.#tell(transaction, 'discarded');
        return result;
      }
      // A hook may register more hooks, so the length is read again at each step.
      for (let i = 0; i < transaction.beforeCommit.length; i++) await transaction.beforeCommit[i]!();
      transaction.committingAt = performance.now();
      await transaction.runner?.query('COMMIT');
      this.#tell(transaction, 'committed');
      return result;
    } catch (error) {
      await this.#rollback(transaction);
      const ambiguous = transaction.committingAt !== undefined && isConnectionLoss(error);
      this.#tell(transaction, ambiguous ? 'ambiguous' : 'rolled_back');
      throw ambiguous ? new AmbiguousCommitError(error) : error;
    } finally {
      await this.#release(transaction);
    }
  }

  #tell({ runner, begunAt, committingAt }: Transaction, outcome: Ended['outcome']): void {
    if (!runner) return;
    const now = performance.now();
    const commitSeconds = committingAt === undefined ? undefined : (now - committingAt) / 1000;
    this.onEnded?.({ outcome, seconds: (now - begunAt) / 1000, commitSeconds });
  }

  #begin(transaction: Transaction): Promise<QueryRunner> {
    if (transaction.runner) return Promise.resolve(transaction.runner);
    transaction.beginning ??= this.#waitAndStart(transaction);
    return transaction.beginning;
  }

  async #waitAndStart(transaction: Transaction): Promise<QueryRunner> {
    this.waiting++;
    try {
      return await this.#start(transaction);
    } finally {
      this.waiting--;
    }
  }

  async #start(transaction: Transaction): Promise<QueryRunner> {
    if (this.dialect.name === 'sqlite') transaction.release = await this.#writers.acquire();
    const runner = this.writer.createQueryRunner();
    try {
      await runner.query(this.dialect.name === 'sqlite' ? 'BEGIN IMMEDIATE' : 'START TRANSACTION');
    } catch (error) {
      await runner.release();
      throw error;
    }
    transaction.runner = runner;
    transaction.begunAt = performance.now();
    await transaction.options.onBegin?.();
    return runner;
  }

  async #rollback(transaction: Transaction): Promise<void> {
    try {
      await transaction.runner?.query('ROLLBACK');
    } catch (error) {
      // The server rolls back when a connection is lost; any other failure must not hide the first error, which the caller throws.
      if (!isConnectionLoss(error)) process.emitWarning(`rollback failed: ${String(error)}`);
    }
  }

  async #release(transaction: Transaction): Promise<void> {
    const runner = transaction.runner;
    transaction.runner = undefined;
    try {
      await runner?.release();
    } finally {
      transaction.release?.();
    }
  }

  #required(): Transaction {
    const transaction = this.#current.getStore();
    if (!transaction) throw new Error('not in a transaction');
    return transaction;
  }

  /** Runs `work` outside the current transaction: for shared loops that one caller happens to start. */
  detached<T>(work: () => T): T {
    return this.#current.exit(work);
  }

  /** Throws when the database cannot be reached. */
  async ping(): Promise<void> {
    await this.reader.query('SELECT 1');
  }

  async close(): Promise<void> {
    if (this.reader !== this.writer && this.reader.isInitialized) await this.reader.destroy();
    if (this.writer.isInitialized) await this.writer.destroy();
  }
}
