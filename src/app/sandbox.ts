import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.js';
import { openSqliteToRead } from '../database/connection.client.js';
import type { Database } from '../database/database.client.js';
import { TocsinError } from '../shared/errors.js';
import { type SandboxOrigin, sandboxTable } from './sandbox-table.js';

/** What a sandbox was made of. */
export interface Sandbox extends SandboxOrigin {
  readonly madeAt: number;
}

/** The mark in the database that says: nothing leaves here. Undefined in an installation. */
export async function readSandbox(database: Database): Promise<Sandbox | undefined> {
  const [row] = (await database.query('SELECT * FROM sandbox WHERE id = 1')).map(sandboxTable.parse);
  return row && { ...row.origin, madeAt: row.made_at };
}

export async function markSandbox(database: Database, { madeAt, ...origin }: Sandbox): Promise<void> {
  await database.transaction(() => database.insertAll(sandboxTable, [{ id: 1, made_at: madeAt, origin }]));
}

/** The settings of this installation for a sandbox in `folder`: embedded, no rules from files, no queue to push to, no limit on poison. */
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

/** Throws T6207 when there is something in the folder. */
export function refuseUsedFolder(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length > 0) throw new TocsinError('T6207', `${folder} is not empty; use a new directory`);
}

/** The same for a sandbox that is there. Throws T6207 when the folder is none: an installation would begin to work, and to tell people. */
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
