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
  return findings('process.open-files', 'T5013', openFiles === null ? 'no limit is known here' : `${openFiles} files may be open`, [
    openFiles !== null &&
      openFiles < LEAST_FILES &&
      warn(`only ${openFiles} files may be open`, `raise it: ulimit -n 65536, or LimitNOFILE= in the unit of systemd`),
  ]);
}

export function serverFindings({ server }: Evidence): Finding[] {
  const { url, problem, ready } = server;
  const well = ready ? `the server at ${url} is ready` : `no server at ${url}; what follows was seen without one`;
  return findings('server.ready', 'T5038', well, [
    problem !== undefined && fail(`the server at ${url}: ${problem}`, 'look at its log; when it hangs, restart it: nothing is lost'),
    ready &&
      ready.status !== 'ok' &&
      fail(
        `${url}/health/ready: ${some(ready.reasons) || ready.status}`,
        'the findings below say what is behind it; docs/lag.md and docs/offsets.md say what to type',
      ),
  ]);
}

export function diskFindings({ folder, config }: Evidence): Finding[] {
  if (!folder) return [];
  const { freeBytes, fileBytes, path } = folder;
  const topics = 8;
  return findings('embedded.disk', 'T5036', `${gib(freeBytes)} free for ${path}, the database has ${gib(fileBytes)}`, [
    freeBytes < 256 * MIB && fail(`${gib(freeBytes)} free for ${path}`, 'make room: below this events are refused (503) until there is some'),
    freeBytes >= 256 * MIB &&
      freeBytes < 2 * GIB &&
      warn(`${gib(freeBytes)} free for ${path}`, 'make room, or lower RETENTION_HOURS or RETENTION_BYTES'),
    freeBytes + fileBytes < topics * config.RETENTION_BYTES * 0.5 &&
      freeBytes >= 2 * GIB &&
      warn(
        `RETENTION_BYTES allows ${gib(config.RETENTION_BYTES)} for each of ${topics} topics, the disk has ${gib(freeBytes + fileBytes)} for all`,
        `set RETENTION_BYTES to at most ${Math.floor((freeBytes + fileBytes) / topics / MIB)} MiB, in bytes, or keep an eye on the disk`,
      ),
  ]);
}

export function folderFindings({ folder, server }: Evidence): Finding[] {
  if (!folder) return [];
  const { path, exists, unwritable, locked, walBytes } = folder;
  const well = `${path} ${exists ? 'can be written' : 'will be made at the first start'}${locked ? ', a process uses it' : ''}`;
  return findings('embedded.folder', 'T5037', well, [
    unwritable !== undefined && fail(`${path}: ${unwritable}`, 'give the user that runs Tocsin the right to write there, or set DATA_DIR'),
    locked &&
      !server.ready &&
      warn(
        `a process uses ${path}, but no server answers at ${server.url}`,
        'find it (fuser or lsof on tocsin.lock): it starts, hangs, or listens somewhere else (HTTP_PORT)',
      ),
    walBytes > GIB &&
      warn(
        `the journal (tocsin.db-wal) has ${gib(walBytes)}`,
        'something reads for very long; restart the server, at the start the journal is folded in',
      ),
  ]);
}
