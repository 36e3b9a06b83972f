import { clip } from '../shared/row.js';

/** Types with the same meaning on MySQL/MariaDB and SQLite; the DDL maps them to the names of each database. */
export type ColumnType = 'sequence' | 'big_sequence' | 'text' | 'long_text' | 'int' | 'bigint' | 'double' | 'flag' | 'blob';

/** Properties of a column in the DDL. */
export interface ColumnDefinition {
  readonly type: ColumnType;
  /** Length of `text` in characters. */
  readonly length?: number;
  /** Name in the database, when it differs from the name of the field. */
  readonly name?: string;
  readonly isNullable?: boolean;
  readonly default?: string | number | boolean;
  /** Comparison is case-sensitive; on SQLite it always is. */
  readonly isCaseSensitive?: boolean;
  /** An upsert of an existing row leaves the column unchanged. */
  readonly isInsertOnly?: boolean;
  /** Migration that adds the column; absent when the table was created with it. */
  readonly since?: string;
}

/** A column with the conversions of its value. */
export interface Column<V> extends ColumnDefinition {
  /** Converts the value to a parameter of a statement. */
  readonly write: (value: V) => unknown;
  /** Converts the driver's result to the value. */
  readonly read: (stored: unknown) => V;
}

/** A column with a value of any type. */
export interface AnyColumn extends ColumnDefinition {
  readonly write: (value: never) => unknown;
  readonly read: (stored: unknown) => unknown;
}

/** A column without a field in the object of its row. */
export interface UnmappedColumn<T> {
  readonly column: AnyColumn;
  /** Computes the value from other fields; absent when inserts of whole objects omit the column. */
  readonly from?: (object: T) => unknown;
}

const unchanged = <V>(value: V): unknown => value;
const number = (stored: unknown): number => Number(stored);

/** Auto-increment primary key (int). */
export const sequence = (): Column<number> => ({ type: 'sequence', write: unchanged, read: number });
/** Auto-increment primary key (bigint) of a table that grows with every alert. */
export const bigSequence = (): Column<number> => ({ type: 'big_sequence', write: unchanged, read: number });
/** Text of at most `length` characters; the database rejects longer text. */
export const textColumn = <V extends string = string>(length: number): Column<V> => ({
  type: 'text',
  length,
  write: unchanged,
  read: (stored) => stored as V,
});
/** Text that is truncated to `length` UTF-16 units when it is written. */
export const clippedText = (length: number): Column<string> => ({ ...textColumn(length), write: (value) => clip(value, length) });
/** Text of up to 16 MiB. */
export const longText = (): Column<string> => ({ type: 'long_text', write: unchanged, read: (stored) => stored as string });
/** As {@link longText}, truncated to `length` UTF-16 units when it is written. */
export const clippedLongText = (length: number): Column<string> => ({ ...longText(), write: (value) => clip(value, length) });
export const int = <V extends number = number>(): Column<V> => ({ type: 'int', write: unchanged, read: (stored) => Number(stored) as V });
/** An integer up to 2^53; drivers may return it as text. */
export const bigint = (): Column<number> => ({ type: 'bigint', write: unchanged, read: number });
/** A time as epoch milliseconds. */
export const ms = bigint;
export const double = (): Column<number> => ({ type: 'double', write: unchanged, read: number });
/** A boolean, stored as 0 or 1. Defaults to false. */
export const flagColumn = (): Column<boolean> => ({
  type: 'flag',
  default: false,
  write: (value) => (value ? 1 : 0),
  read: (stored) => Number(stored) === 1,
});
/** A value as JSON text, up to 16 MiB, stored unchanged: a JSON column of MySQL would reorder and reformat it. */
export const json = <V>(): Column<V> => ({
  type: 'long_text',
  write: (value) => JSON.stringify(value),
  read: (stored) => (stored === '{}' ? {} : JSON.parse(stored as string)) as V,
});
/** Bytes, as the driver returns them. */
export const blob = <V = unknown>(): Column<V> => ({ type: 'blob', write: unchanged, read: (stored) => stored as V });

export const nullable = <V>(column: Column<V>): Column<V | null> => ({
  ...column,
  isNullable: true,
  write: (value) => (value === null ? null : column.write(value)),
  read: (stored) => (stored === null ? null : column.read(stored)),
});
export const withDefault = <V>(column: Column<V>, value: string | number | boolean): Column<V> => ({ ...column, default: value });
/** Gives the column a name that differs from the field. */
export const named = <V>(name: string, column: Column<V>): Column<V> => ({ ...column, name });
/** Makes comparison case-sensitive, on MySQL too. */
export const caseSensitive = <V>(column: Column<V>): Column<V> => ({ ...column, isCaseSensitive: true });
/** Fixed at insert. With a default, an upsert of existing rows may omit the column, which halves its cost. */
export const insertOnly = <V>(column: Column<V>): Column<V> => ({ ...column, isInsertOnly: true });
/** The migration `migration` (such as `0002`) adds the column to an existing table. */
export const since = <V>(migration: string, column: Column<V>): Column<V> => ({ ...column, since: migration });
/** Computes the value from other fields when the row is written. */
export const derived = <T, V>(column: Column<V>, from: (object: T) => V): UnmappedColumn<T> => ({ column, from });
/** Inserts and reads of whole objects omit the column; separate statements set it. */
export const unmapped = (column: AnyColumn): UnmappedColumn<unknown> => ({ column });
