/** The differences between the SQL of MySQL/MariaDB and SQLite. */
export interface Dialect {
  readonly name: 'mysql' | 'sqlite';
  /** Appended to a SELECT inside a transaction: lock the rows until it ends. */
  readonly forUpdate: string;
  /** As {@link forUpdate}, but skips rows that another transaction has locked. */
  readonly forUpdateSkipLocked: string;
  /** Most placeholders in one statement. */
  readonly maxPlaceholders: number;
  /** Tail of an INSERT: on a duplicate of `key` set the columns `update` to the new values, or keep the row when there are none. */
  onConflict(key: readonly string[], update: readonly string[]): string;
  /** The database's clock (epoch ms), which all replicas share. */
  readonly now: string;
  /** The smaller of two expressions. */
  least(a: string, b: string): string;
}

export const mysql: Dialect = {
  name: 'mysql',
  forUpdate: ' FOR UPDATE',
  forUpdateSkipLocked: ' FOR UPDATE SKIP LOCKED',
  maxPlaceholders: 60_000,
  // INSERT IGNORE would also hide truncated text and invalid numbers.
  onConflict: (key, update) =>
    ` ON DUPLICATE KEY UPDATE ${update.length > 0 ? update.map((c) => `${c} = VALUES(${c})`).join(', ') : `${key[0]} = ${key[0]}`}`,
  now: 'CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)',
  least: (a, b) => `LEAST(${a}, ${b})`,
};

export const sqlite: Dialect = {
  name: 'sqlite',
  // SQLite serializes all writing transactions.
  forUpdate: '',
  forUpdateSkipLocked: '',
  maxPlaceholders: 30_000,
  onConflict: (key, update) =>
    ` ON CONFLICT (${key.join(', ')}) ${update.length > 0 ? `DO UPDATE SET ${update.map((c) => `${c} = excluded.${c}`).join(', ')}` : 'DO NOTHING'}`,
  now: "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
  least: (a, b) => `MIN(${a}, ${b})`,
};
