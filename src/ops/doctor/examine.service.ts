import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config.js';
import { type DatabaseEvidence, examineMysql, examineSqlite } from '../../database/examine.client.js';
import { examineFolder } from '../../database/examine-folder.client.js';
import type { ClusterEvidence } from '../../log/cluster-evidence.js';
import { probeClusters } from '../../log/kafka/cluster-probe.client.js';
import { deadLetterTopic, topics as contract } from '../../topics.js';
import type { Evidence, ServerEvidence } from './evidence.js';

const DATABASE_MS = 5000;
const SERVER_MS = 5000;

/** Collects the evidence for the checks. Read-only: creates no schema, topic, group or record. */
export async function examine(config: Config): Promise<Evidence> {
  const topics = Object.values(contract).flatMap(({ name }) => [name, deadLetterTopic(name)]);
  const embedded = config.mode === 'embedded';
  const [server, folder, database] = await Promise.all([
    examineServer(`http://${config.HTTP_HOST}:${config.HTTP_PORT}`),
    embedded ? examineFolder(config.DATA_DIR, config.SQLITE_DRIVER) : undefined,
    embedded ? examineSqlite(join(config.DATA_DIR, 'tocsin.db'), config.SQLITE_DRIVER) : examineMysql(config.DATABASE_URL!, DATABASE_MS),
  ]);
  return {
    now: Date.now(),
    config,
    node: process.versions.node,
    openFiles: openFiles(),
    server,
    database,
    folder,
    clusters: embedded ? [embeddedCluster(config, database)] : await probeClusters(config, topics, database.positions),
    topics,
  };
}

/** Only Linux exposes the limit without a shell. */
function openFiles(): number | null {
  if (!existsSync('/proc/self/limits')) return null;
  const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return soft === undefined ? null : Number(soft);
}

async function examineServer(url: string): Promise<ServerEvidence> {
  try {
    const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(SERVER_MS) });
    const body = (await response.json()) as { status?: string; details?: Record<string, { status?: string; reason?: string }> };
    const reasons = Object.entries(body.details ?? {}).flatMap(([name, { status, reason }]) =>
      status === 'up' ? [] : [`${name}: ${reason ?? status}`],
    );
    return { url, ready: { status: body.status ?? String(response.status), reasons } };
  } catch (error) {
    const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
    return cause?.code === 'ECONNREFUSED' ? { url } : { url, problem: cause?.code ?? cause?.message ?? message };
  }
}

/** The tables of the embedded log, represented as a cluster. */
function embeddedCluster(config: Config, { partitions }: DatabaseEvidence): ClusterEvidence {
  const names = [...new Set(partitions.map(({ topic }) => topic))];
  return {
    name: 'embedded',
    brokers: [],
    topics: names.map((name) => ({
      name,
      cluster: 'embedded',
      partitions: partitions
        .filter(({ topic }) => topic === name)
        .map(({ partition, low, high }) => ({ partition, leader: 'embedded', replicas: [0], inSync: [0], low, high })),
      config: { 'retention.ms': String(config.RETENTION_HOURS * 3_600_000), 'retention.bytes': String(config.RETENTION_BYTES) },
    })),
    groups: [],
    committed: [],
    newest: [],
    unhandled: [],
  };
}
