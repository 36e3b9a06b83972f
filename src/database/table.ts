import type { Row } from '../shared/row.js';
import type { AnyColumn, Column, ColumnDefinition, UnmappedColumn } from './column.js';

/** Prepared parts of an INSERT: the column names, and a function that returns the values of an object in that order. */
export interface RowWriter<O> {
  readonly name: string;
  readonly columns: readonly string[];
  readonly row: (object: O) => unknown[];
}

/** Prepared parts of a SELECT: the column list, and a function that converts a row to an object. */
export interface RowReader<O> {
  readonly selection: string;
  readonly parse: (row: Row) => O;
}

/** A column of a {@link Table} for the DDL. */
export interface TableColumn extends ColumnDefinition {
  readonly name: string;
}

export interface TableIndex {
  readonly columns: readonly string[];
  readonly isUnique: boolean;
}

/**
 * The only description of a table. DDL, inserts and reads are generated from it, so that a new column is one line.
 * `T` is the object of a row, `U` the names of columns without a field in it, `G` the fields that the database generates.
 */
export interface Table<T, U extends string = never, G extends keyof T = never> extends RowWriter<Omit<T, G>>, RowReader<T> {
  readonly definition: readonly TableColumn[];
  readonly primaryKey: readonly string[];
  readonly indexes: readonly TableIndex[];
  /** Present when only one of the databases has the table. */
  readonly only?: 'mysql' | 'sqlite';
  /** SQLite: rows are stored in the primary key. */
  readonly isWithoutRowid: boolean;
  /** For `Database.insert`: an existing row with the same primary key is updated, except its insert-only columns. */
  readonly upsert: { readonly key: readonly string[]; readonly update: readonly string[] };
  /** Writer for these columns only. */
  writer<O>(fields: readonly (Extract<keyof O & keyof T, string> | U)[]): RowWriter<O>;
  /** Reader for these fields only. */
  reader<K extends Extract<keyof T, string>>(fields: readonly K[]): RowReader<Pick<T, K>>;
}

type Columns<T, U extends string> = { readonly [K in keyof T]-?: Column<T[K]> } & { readonly [K in U]: UnmappedColumn<T> };

interface TableOptions<K extends string> {
  /** Absent when the key is a sequence. */
  readonly primaryKey?: readonly K[];
  readonly unique?: readonly (readonly K[])[];
  readonly indexes?: readonly (readonly K[])[];
  readonly only?: 'mysql' | 'sqlite';
  readonly isWithoutRowid?: boolean;
}

interface Field {
  readonly key: string;
  readonly column: AnyColumn & TableColumn;
  readonly isMapped: boolean;
  readonly from?: (object: never) => unknown;
}

/**
 * Describes a table: a column for every field of `T` (a missing one does not compile) and for every name of `U`.
 * Throws when a column that a later migration adds has no value for existing rows.
 */
export function table<T, U extends string = never, G extends keyof T = never>(
  name: string,
  columns: Columns<T, U>,
  options: TableOptions<Extract<keyof T, string> | U> = {},
): Table<T, U, G> {
  const fields = Object.entries<AnyColumn | UnmappedColumn<T>>(columns).map(([key, column]) => fieldOf(key, column));
  for (const { column } of fields) refuseWithoutValue(name, column);
  const pick = (keys: readonly string[]): Field[] => fields.filter(({ key }) => keys.includes(key));
  const namesOf = (keys: readonly string[]): string[] => keys.map((key) => pick([key])[0]!.column.name);
  const index = (isUnique: boolean) => (keys: readonly string[]) => ({ columns: namesOf(keys), isUnique });
  const written = fields.filter(({ column, isMapped, from }) => !isSequence(column) && (isMapped || from));
  const primaryKey = options.primaryKey ? namesOf(options.primaryKey) : fields.flatMap(({ column }) => (isSequence(column) ? [column.name] : []));
  const update = written.filter(({ column }) => !column.isInsertOnly && !primaryKey.includes(column.name));
  return {
    definition: fields.map(({ column }) => column),
    primaryKey,
    indexes: [...(options.unique ?? []).map(index(true)), ...(options.indexes ?? []).map(index(false))],
    ...(options.only && { only: options.only }),
    isWithoutRowid: options.isWithoutRowid ?? false,
    upsert: { key: primaryKey, update: update.map(({ column }) => column.name) },
    ...writerOf<Omit<T, G>>(name, written),
    ...readerOf<T>(fields.filter(({ isMapped }) => isMapped)),
    writer: (keys) => writerOf(name, pick(keys)),
    reader: (keys) => readerOf(pick(keys)),
  };
}

export const isSequence = ({ type }: ColumnDefinition): boolean => type === 'sequence' || type === 'big_sequence';

function fieldOf(key: string, column: AnyColumn | UnmappedColumn<never>): Field {
  if (!('column' in column)) return { key, column: { ...column, name: column.name ?? key }, isMapped: true };
  const { column: inner, from } = column;
  return { key, column: { ...inner, name: inner.name ?? key }, isMapped: false, ...(from && { from: (object: never) => from(object) }) };
}

function refuseWithoutValue(table: string, { name, since, isNullable, default: value }: TableColumn): void {
  if (since !== undefined && !isNullable && value === undefined) throw new Error(`${table}.${name} comes later, so it is nullable or has a default`);
}

function writerOf<O>(name: string, fields: readonly Field[]): RowWriter<O> {
  // Prepared once, because inserts of a thousand rows run through them.
  const values = fields.map(({ key, column, from }) => {
    const value = (from ?? ((object: Readonly<Record<string, unknown>>) => object[key])) as (object: O) => unknown;
    return (object: O): unknown => column.write(value(object) as never);
  });
  return { name, columns: fields.map(({ column }) => column.name), row: (object) => values.map((value) => value(object)) };
}

function readerOf<O>(fields: readonly Field[]): RowReader<O> {
  return {
    selection: fields.map(({ column }) => column.name).join(', '),
    parse: (row) => {
      const object: Record<string, unknown> = {};
      for (const { key, column } of fields) object[key] = column.read(row[column.name]);
      return object as O;
    },
  };
}
