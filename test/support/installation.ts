import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, parseConfig } from '../../src/config.js';
import { aMysql, type TestDatabase } from './database.js';
import { quickly } from './tocsin.js';

/** Where a server can be started: a place of its own, empty at the beginning. */
export interface Installation {
  readonly config: Config;
  close(): Promise<void>;
}

type Settings = Readonly<Record<string, string>>;

async function embedded(settings: Settings): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-embedded-'));
  const config = parseConfig({ ...quickly, ...settings, DATA_DIR: folder });
  return { config, close: () => Promise.resolve(rmSync(folder, { recursive: true, force: true })) };
}

/** The environment of an installation on the Kafka and the database server of the tests: topics, groups and schema are its own. */
export async function servers(): Promise<TestDatabase & { readonly env: Settings }> {
  const { database, url, close } = await aMysql();
  const prefix = `t${randomBytes(4).toString('hex')}.`;
  const env = {
    KAFKA_BROKERS: process.env['KAFKA_BROKERS']!,
    DATABASE_URL: url,
    TOPIC_PREFIX: prefix,
    GROUP_PREFIX: prefix,
    TOPIC_PARTITIONS: '2',
    // The least that a broker grants unless it is told otherwise.
    KAFKA_SESSION_TIMEOUT_MS: '6000',
    KAFKA_HEARTBEAT_INTERVAL_MS: '500',
  };
  return { env: { ...quickly, ...env }, database, close };
}

async function distributed(settings: Settings): Promise<Installation> {
  const { env, close } = await servers();
  return { config: parseConfig({ ...env, ...settings }), close };
}

/** Embedded always, on Kafka where KAFKA_BROKERS names one (the test script sees to it). */
export const installations: [string, (settings?: Settings) => Promise<Installation>][] = [
  ['embedded', (settings = {}) => embedded(settings)],
  ...(process.env['KAFKA_BROKERS']
    ? ([['Kafka', (settings = {}) => distributed(settings)]] as [string, (settings?: Settings) => Promise<Installation>][])
    : []),
];
