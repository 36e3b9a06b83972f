import type { QueryRunner } from 'typeorm';
import { addColumnsSql, createTableSql, type TableDefinition } from './ddl.js';
import type { Dialect } from './dialect.js';

const dialectOf = (runner: QueryRunner): Dialect['name'] => (runner.dataSource.options.type === 'better-sqlite3' ? 'sqlite' : 'mysql');

/** For a migration: creates tables with their original columns (without `since`). */
export async function createTables(runner: QueryRunner, tables: readonly TableDefinition[]): Promise<void> {
  for (const sql of tables.flatMap((table) => createTableSql(dialectOf(runner), table))) await runner.query(sql);
}

/** For a migration: adds the columns whose `since` is this migration (such as `0002`), and their indexes. */
export async function addColumns(runner: QueryRunner, tables: readonly TableDefinition[], migration: string): Promise<void> {
  for (const sql of tables.flatMap((table) => addColumnsSql(dialectOf(runner), table, migration))) await runner.query(sql);
}

/** For the revert of a migration. */
export async function dropTables(runner: QueryRunner, tables: readonly TableDefinition[]): Promise<void> {
  for (const { name } of tables) await runner.query(`DROP TABLE IF EXISTS ${name}`);
}
