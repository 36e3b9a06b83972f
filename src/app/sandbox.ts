import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.js';
import { openSqliteToRead } from '../database/connection.client.js';
import type { Database } from '../database/database.client.js';
import { TocsinError } from '../shared/errors.js';
import { type SandboxOrigin, sandboxTable } from './sandbox-table.js';

/** Origin of a sandbox, and the time (epoch ms) of its creation. */
export interface Sandbox extends SandboxOrigin {
  readonly madeAt: number;
}

/** Reads the row that marks a database as a sandbox, which sends nothing. Undefined in an installation. */
export async function readSandbox(database: Database): Promise<Sandbox | undefined> {
  const [row] = (await database.query('SELECT * FROM sandbox WHERE id = 1')).map(sandboxTable.parse);
  return row && { ...row.origin, madeAt: row.made_at };
}

export async function markSandbox(database: Database, { madeAt, ...origin }: Sandbox): Promise<void> {
  await database.transaction(() => database.insertAll(sandboxTable, [{ id: 1, made_at: madeAt, origin }]));
}

/** The settings of this installation for a sandbox in `folder`: embedded, no rules from files, no push queue, no poison-record limit. */
export function sandboxConfig(config: Config, folder: string): Config {
  return {
    ...config,
    mode: 'embedded',
    KAFKA_BROKERS: undefined,
    DATABASE_URL: undefined,
    DATA_DIR: folder,
    RULES_PATH: undefined,
    MESSAGE_QUEUE_DSN: undefined,
    POISON_MAX_CONSECUTIVE: Number.MAX_SAFE_INTEGER,
    POISON_PERCENT: 100,
    RETENTION_HOURS: 1_000_000,
    RETENTION_BYTES: Number.MAX_SAFE_INTEGER,
  };
}

/** Throws T6207 when the folder is not empty. */
export function refuseUsedFolder(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length > 0) throw new TocsinError('T6207', `${folder} is not empty; use a new directory`);
}

/** The settings of an existing sandbox. Throws T6207 for any other folder: an installation would start to consume and to notify. */
export async function existingSandbox(config: Config, folder: string): Promise<Config> {
  const path = join(folder, 'tocsin.db');
  if (!existsSync(path)) throw new TocsinError('T6207', `${folder} is not a sandbox; create one with tocsin offsets replay`);
  const database = await openSqliteToRead(path, config.SQLITE_DRIVER);
  try {
    if (!(await readSandbox(database))) throw new TocsinError('T6207', `${folder} is an installation, not a sandbox`);
  } finally {
    await database.close();
  }
  return sandboxConfig(config, folder);
}
