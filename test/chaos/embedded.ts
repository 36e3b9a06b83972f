import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../../src/config.js';
import { openSqlite } from '../../src/database/connection.client.js';
import { EmbeddedLog } from '../../src/log/embedded/embedded-log.service.js';
import { topics } from '../../src/topics.js';
import { type Insides, type Installation, type InstallationOptions, settings } from './installation.js';
import type { PoisonRecord } from './poison.js';
import { Replica } from './replica.js';

/** One process on a folder of its own. Poison gets into its log only while it is dead: nobody else may write there. */
export function embedded({ binary, folder }: InstallationOptions): Promise<Installation> {
  const data = join(folder, 'data');
  mkdirSync(data, { recursive: true });
  const replica = new Replica('embedded', { binary, env: { ...settings, DATA_DIR: data }, logFile: join(folder, 'embedded.log') });
  const waiting: PoisonRecord[] = [];
  const inspect = <T>(work: (insides: Insides) => Promise<T>): Promise<T> => look(join(data, 'tocsin.db'), work);
  return Promise.resolve({
    mode: 'embedded',
    replicas: [replica],
    publish: (record) => {
      waiting.push(record);
      return Promise.resolve();
    },
    whileDead: async () => {
      const records = waiting.splice(0);
      if (records.length > 0) await inspect(({ eventLog: log }) => log.publish(topics.rawEvents.name, records));
    },
    inspect,
    close: async () => {
      await replica.close();
      rmSync(data, { recursive: true, force: true });
    },
  });
}

async function look<T>(path: string, work: (insides: Insides) => Promise<T>): Promise<T> {
  const database = await openSqlite(path);
  const log = new EmbeddedLog(database, parseConfig({}));
  try {
    await log.connect();
    return await work({ database, eventLog: log });
  } finally {
    await log.close();
    await database.close();
  }
}
