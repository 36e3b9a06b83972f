/** A database row as the drivers return it: bigint can be text, a flag is a number, JSON is text. */
export type Row = Readonly<Record<string, unknown>>;

/** A nullable number column. */
export const nullableNumber = (value: unknown): number | null => (value === null ? null : Number(value));
/** A flag column: 1 is true. */
export const flagOf = (value: unknown): boolean => Number(value) === 1;
/** A JSON column; the caller declares the shape of the stored value. */
export const jsonOf = <T>(value: unknown): T => (value === '{}' ? {} : JSON.parse(value as string)) as T;
/** Text cut to the length (UTF-16 units) of its column. */
export const clip = (text: string, length: number): string => (text.length > length ? text.slice(0, length) : text);

/** `?, ?, ?` for an IN list. */
export const placeholders = (values: readonly unknown[]): string => values.map(() => '?').join(', ');
