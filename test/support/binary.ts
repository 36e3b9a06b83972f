import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openMysql } from '../../src/database/connection.client.js';
import { Client, quickly } from './tocsin.js';
import { eventually } from './eventually.js';

export interface Binary {
  readonly client: Client;
  readonly child: ChildProcess;
  /** Everything it has printed so far. */
  output(): string;
  /** Asks it to stop; answers its exit code and how long it took (ms). */
  terminate(): Promise<{ code: number | null; ms: number }>;
  close(): Promise<void>;
}

/** The real binary, as `npm run build` made it, with these settings. */
export async function start(settings: Record<string, string>, arguments_: string[] = []): Promise<Binary> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...quickly, LOG_LEVEL: 'info', LOG_FORMAT: 'text', DOCS: 'true', ...settings };
  const child = spawn(process.execPath, ['dist/src/main.js', 'serve', ...arguments_], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  process.once('exit', () => child.kill('SIGKILL'));
  const url = (): string | undefined => /listens on (http:\S+)/.exec(printed)?.[1];
  await eventually(() => url() !== undefined || child.exitCode !== null, 'the binary listens');
  if (child.exitCode !== null) throw new Error(`the binary ended with ${child.exitCode}: ${printed}`);
  return {
    client: new Client(url()!),
    child,
    output: () => printed,
    terminate: async () => {
      const from = performance.now();
      child.kill('SIGTERM');
      return { code: await ended, ms: performance.now() - from };
    },
    close: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

export interface Mode {
  readonly settings: Record<string, string>;
  close(): Promise<void>;
}

/** A place of its own for a run in embedded mode. */
export function embedded(): Promise<Mode> {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-binary-'));
  return Promise.resolve({
    settings: { DATA_DIR: folder },
    close: () => {
      rmSync(folder, { recursive: true, force: true });
      return Promise.resolve();
    },
  });
}

/** A place of its own on the Kafka and MySQL/MariaDB servers of the environment. */
export async function distributed(): Promise<Mode> {
  const name = `tocsin_e2e_${randomBytes(4).toString('hex')}`;
  const admin = await openMysql(process.env['DATABASE_URL']!, 1);
  await admin.writer.query(`CREATE DATABASE ${name}`);
  const url = new URL(process.env['DATABASE_URL']!);
  url.pathname = `/${name}`;
  return {
    settings: {
      KAFKA_BROKERS: process.env['KAFKA_BROKERS']!,
      DATABASE_URL: url.href,
      TOPIC_PREFIX: `${name}.`,
      GROUP_PREFIX: name,
      TOPIC_PARTITIONS: '4',
      KAFKA_SESSION_TIMEOUT_MS: '6000',
      KAFKA_HEARTBEAT_INTERVAL_MS: '1000',
      LEASE_MS: '3000',
    },
    close: async () => {
      await admin.writer.query(`DROP DATABASE ${name}`);
      await admin.close();
    },
  };
}

/** Both modes; the distributed one where the environment names servers (the test script sees to it). */
export const modes: [string, () => Promise<Mode>][] = [
  ['embedded', embedded],
  ...(process.env['KAFKA_BROKERS'] && process.env['DATABASE_URL'] ? ([['distributed', distributed]] as [string, () => Promise<Mode>][]) : []),
];
