/** A database row as the drivers return it: bigint can be text, a flag is a number, JSON is text. */
export type Row = Readonly<Record<string, unknown>>;

/** Text cut to the length (UTF-16 units) of its column. */
export const clip = (text: string, length: number): string => (text.length > length ? text.slice(0, length) : text);

/** `?, ?, ?` for an IN list. */
export const placeholders = (values: readonly unknown[]): string => values.map(() => '?').join(', ');
