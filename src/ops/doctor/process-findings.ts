import type { Evidence } from './evidence.js';
import { type Finding, fail, findings, some, warn } from './finding.js';

const LEAST_NODE = [20, 19, 0];
const LEAST_FILES = 1024;
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

const gib = (bytes: number): string => `${(bytes / GIB).toFixed(1)} GiB`;

function older(version: string, least: readonly number[]): boolean {
  const parts = version.replace(/^v/, '').split('.').map(Number);
  const at = least.findIndex((number, index) => (parts[index] ?? 0) !== number);
  return at >= 0 && (parts[at] ?? 0) < least[at]!;
}

export function nodeFindings({ node }: Evidence): Finding[] {
  return findings('process.node', 'T5012', `Node.js ${node}`, [
    older(node, LEAST_NODE) && fail(`Node.js ${node}`, `install Node.js ${LEAST_NODE.join('.')} or newer`),
  ]);
}

export function openFilesFindings({ openFiles }: Evidence): Finding[] {
  return findings('process.open-files', 'T5013', openFiles === null ? 'open file limit unknown' : `open file limit ${openFiles}`, [
    openFiles !== null &&
      openFiles < LEAST_FILES &&
      warn(`open file limit is only ${openFiles}`, 'raise the limit: ulimit -n 65536, or LimitNOFILE= in the systemd unit'),
  ]);
}

export function serverFindings({ server }: Evidence): Finding[] {
  const { url, problem, ready } = server;
  const well = ready ? `server at ${url} is ready` : `no server at ${url}; checks ran without it`;
  return findings('server.ready', 'T5038', well, [
    problem !== undefined && fail(`server at ${url}: ${problem}`, 'check its log; if it hangs, restart it: no data is lost'),
    ready &&
      ready.status !== 'ok' &&
      fail(
        `${url}/health/ready: ${some(ready.reasons) || ready.status}`,
        'see the other findings for the cause, docs/lag.md and docs/offsets.md for the commands',
      ),
  ]);
}

export function diskFindings({ folder, config }: Evidence): Finding[] {
  if (!folder) return [];
  const { freeBytes, fileBytes, path } = folder;
  const topics = 8;
  return findings('embedded.disk', 'T5036', `${gib(freeBytes)} free in ${path}, database size ${gib(fileBytes)}`, [
    freeBytes < 256 * MIB &&
      fail(`${gib(freeBytes)} free in ${path}`, 'free disk space: events are refused with status 503 until space is available'),
    freeBytes >= 256 * MIB &&
      freeBytes < 2 * GIB &&
      warn(`${gib(freeBytes)} free in ${path}`, 'free disk space, or lower RETENTION_HOURS or RETENTION_BYTES'),
    freeBytes + fileBytes < topics * config.RETENTION_BYTES * 0.5 &&
      freeBytes >= 2 * GIB &&
      warn(
        `RETENTION_BYTES allows ${gib(config.RETENTION_BYTES)} for each of ${topics} topics, but only ${gib(freeBytes + fileBytes)} are available in total`,
        `set RETENTION_BYTES to at most ${Math.floor((freeBytes + fileBytes) / topics / MIB)} MiB, in bytes, or monitor the disk`,
      ),
  ]);
}

export function folderFindings({ folder, server }: Evidence): Finding[] {
  if (!folder) return [];
  const { path, exists, unwritable, locked, walBytes } = folder;
  const well = `${path} ${exists ? 'is writable' : 'will be created at the first start'}${locked ? ', in use by a process' : ''}`;
  return findings('embedded.folder', 'T5037', well, [
    unwritable !== undefined && fail(`${path}: ${unwritable}`, 'grant write permission to the user that runs Tocsin, or set DATA_DIR'),
    locked &&
      !server.ready &&
      warn(
        `${path} is in use by a process, but no server is reachable at ${server.url}`,
        'find the process (fuser or lsof on tocsin.lock): it is starting, hanging, or listening on another port (HTTP_PORT)',
      ),
    walBytes > GIB &&
      warn(
        `the write-ahead log (tocsin.db-wal) has ${gib(walBytes)}`,
        'a long-running read blocks checkpoints; restart the server, which checkpoints the WAL',
      ),
  ]);
}
