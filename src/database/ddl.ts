import type { ColumnDefinition } from './column.js';
import type { Dialect } from './dialect.js';
import { isSequence, type Table, type TableColumn, type TableIndex } from './table.js';

/** The parts of a table that a migration needs, independent of the row type. */
export type TableDefinition = Pick<Table<never>, 'name' | 'definition' | 'primaryKey' | 'indexes' | 'only' | 'isWithoutRowid'>;

type DialectName = Dialect['name'];

const types: Readonly<Record<DialectName, (column: ColumnDefinition) => string>> = {
  mysql: ({ type, length }) =>
    ({
      sequence: 'INT',
      big_sequence: 'BIGINT',
      text: `VARCHAR(${length})`,
      long_text: 'MEDIUMTEXT',
      int: 'INT',
      bigint: 'BIGINT',
      double: 'DOUBLE',
      flag: 'TINYINT(1)',
      blob: 'LONGBLOB',
    })[type],
  sqlite: ({ type, length }) =>
    ({
      sequence: 'INTEGER',
      big_sequence: 'INTEGER',
      text: `VARCHAR(${length})`,
      long_text: 'MEDIUMTEXT',
      int: 'INT',
      bigint: 'BIGINT',
      double: 'DOUBLE',
      flag: 'BOOLEAN',
      blob: 'BLOB',
    })[type],
};

/** Statements that create a table with its original columns (without `since`); none when the table is not for this database. */
export function createTableSql(dialect: DialectName, table: TableDefinition): string[] {
  if (table.only !== undefined && table.only !== dialect) return [];
  const columns = table.definition.filter(({ since }) => since === undefined);
  const lines = columns.map((column) => columnLine(dialect, column));
  if (!columns.some(isSequence)) lines.push(`PRIMARY KEY (${table.primaryKey.join(', ')})`);
  const tail = dialect === 'mysql' ? ' ENGINE=InnoDB' : table.isWithoutRowid ? ' WITHOUT ROWID' : '';
  const indexes = table.indexes.filter((index) => sinceOf(table, index) === undefined);
  return [`CREATE TABLE ${table.name} (${lines.join(', ')})${tail}`, ...indexes.map((index) => createIndex(table, index))];
}

/** Statements that add the columns of one migration, and the indexes over them, to an existing table. */
export function addColumnsSql(dialect: DialectName, table: TableDefinition, migration: string): string[] {
  if (table.only !== undefined && table.only !== dialect) return [];
  const columns = table.definition.filter(({ since }) => since === migration);
  const indexes = table.indexes.filter((index) => sinceOf(table, index) === migration);
  return [
    ...columns.map((column) => `ALTER TABLE ${table.name} ADD COLUMN ${columnLine(dialect, column)}`),
    ...indexes.map((index) => createIndex(table, index)),
  ];
}

function columnLine(dialect: DialectName, column: TableColumn): string {
  const { name, isNullable, isCaseSensitive, default: value } = column;
  const parts = [name, types[dialect](column)];
  if (isCaseSensitive && dialect === 'mysql') parts.push('CHARACTER SET utf8mb4 COLLATE utf8mb4_bin');
  if (isSequence(column)) parts.push(dialect === 'mysql' ? 'NOT NULL AUTO_INCREMENT PRIMARY KEY' : 'PRIMARY KEY AUTOINCREMENT NOT NULL');
  else if (!isNullable) parts.push('NOT NULL');
  if (value !== undefined) parts.push(`DEFAULT ${typeof value === 'string' ? `'${value}'` : Number(value)}`);
  return parts.join(' ');
}

/** The migration that creates an index is the latest one of its columns. */
function sinceOf(table: TableDefinition, { columns }: TableIndex): string | undefined {
  return table.definition
    .flatMap(({ name, since }) => (since !== undefined && columns.includes(name) ? [since] : []))
    .sort()
    .at(-1);
}

function createIndex(table: TableDefinition, { columns, isUnique }: TableIndex): string {
  const name = `${isUnique ? 'uq' : 'ix'}_${table.name}_${columns.join('_')}`.slice(0, 60);
  return `CREATE ${isUnique ? 'UNIQUE ' : ''}INDEX ${name} ON ${table.name} (${columns.join(', ')})`;
}
