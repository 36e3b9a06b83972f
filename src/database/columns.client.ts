import { Table, type TableColumnOptions } from 'typeorm';

/** Column kinds that mean the same on MySQL/MariaDB and SQLite. Times are epoch ms; keys are ASCII, so no collation can merge them. */
export const column = {
  text: (name: string, length: number): TableColumnOptions => ({ name, type: 'varchar', length: String(length) }),
  long: (name: string): TableColumnOptions => ({ name, type: 'mediumtext' }),
  json: (name: string): TableColumnOptions => ({ name, type: 'json' }),
  int: (name: string): TableColumnOptions => ({ name, type: 'int' }),
  bigint: (name: string): TableColumnOptions => ({ name, type: 'bigint' }),
  double: (name: string): TableColumnOptions => ({ name, type: 'double' }),
  flag: (name: string): TableColumnOptions => ({ name, type: 'boolean', default: false }),
  /** Auto-increment primary key; SQLite insists on the name integer. */
  sequence: (name: string): TableColumnOptions => ({ name, type: 'integer', isPrimary: true, isGenerated: true, generationStrategy: 'increment' }),
};

export const primary = (options: TableColumnOptions): TableColumnOptions => ({ ...options, isPrimary: true });
export const nullable = (options: TableColumnOptions): TableColumnOptions => ({ ...options, isNullable: true });
export const withDefault = (options: TableColumnOptions, value: unknown): TableColumnOptions => ({ ...options, default: value });

/** Table description for `queryRunner.createTable`. */
export function table(name: string, columns: TableColumnOptions[], indices: { columns: string[]; unique?: boolean }[] = []): Table {
  return new Table({
    name,
    columns,
    indices: indices.map(({ columns: of, unique }) => ({
      name: `${unique ? 'uq' : 'ix'}_${name}_${of.join('_')}`.slice(0, 60),
      columnNames: of,
      isUnique: unique ?? false,
    })),
  });
}
