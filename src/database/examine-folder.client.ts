import { constants, existsSync, statSync } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type SqliteDriver } from './connection.client.js';
import { isLocked } from './folder-lock.client.js';

/** State of the embedded mode's data folder as `doctor` found it. */
export interface FolderEvidence {
  readonly path: string;
  readonly exists: boolean;
  /** Why the folder is not writable. */
  readonly unwritable?: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** A process is using the folder. */
  readonly locked: boolean;
  readonly fileBytes: number;
  readonly walBytes: number;
}

/** Examines a data folder and creates nothing. */
export async function examineFolder(folder: string, driver: SqliteDriver): Promise<FolderEvidence> {
  const path = resolve(folder);
  const exists = existsSync(path);
  const nearest = exists ? path : existing(path);
  const { bavail, blocks, bsize } = await statfs(nearest);
  const unwritable = await access(nearest, constants.W_OK).then(
    () => undefined,
    (error: Error) => error.message,
  );
  const size = (name: string): number => (existsSync(join(path, name)) ? statSync(join(path, name)).size : 0);
  return {
    path,
    exists,
    ...(unwritable !== undefined && { unwritable }),
    freeBytes: bavail * bsize,
    totalBytes: blocks * bsize,
    locked: existsSync(join(path, 'tocsin.lock')) && (await isLocked(path, driver)),
    fileBytes: size('tocsin.db'),
    walBytes: size('tocsin.db-wal'),
  };
}

function existing(path: string): string {
  let at = path;
  while (!existsSync(at)) at = dirname(at);
  return at;
}
