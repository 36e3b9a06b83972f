/** A row as the drivers give it: bigint may be text, a flag is a number, JSON is text. */
export type Row = Readonly<Record<string, unknown>>;

export const whole = (value: unknown): number | null => (value === null ? null : Number(value));
export const json = <T>(value: unknown): T => JSON.parse(value as string) as T;
export const cut = (text: string, length: number): string => (text.length > length ? text.slice(0, length) : text);

/** `?, ?, ?` for an IN list. */
export const places = (values: readonly unknown[]): string => values.map(() => '?').join(', ');
