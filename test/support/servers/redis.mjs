// A real Redis without persistence.

import { firstBytes, freePort, openHome, startDaemon } from './processes.mjs';
import { findProgram, hasProgram, requirePrograms } from './programs.mjs';

/** @typedef {import('./processes.mjs').Daemon} Daemon */

/**
 * @param {{ password?: string, port?: number }} [options]
 * @returns {Promise<Daemon & { port: number }>} reachable from this machine only
 * @throws {import('./programs.mjs').Unavailable} when there is no Redis on this machine
 */
export async function startRedis({ password, port: wantedPort } = {}) {
  await requirePrograms({
    present: () => hasProgram('redis-server'),
    packages: ['redis-server'],
    remedy: 'Redis is missing: install redis-server.',
  });
  const port = wantedPort ?? (await freePort());
  const home = openHome('redis');
  const login = password ? ['--requirepass', password] : [];
  const daemon = await startDaemon({
    name: 'redis',
    command: findProgram('redis-server'),
    args: ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', home.path, ...login],
    home,
    port,
    answers: async () => (await firstBytes(port, 1, Buffer.from('PING\r\n'))) !== undefined,
  });
  return Object.assign(daemon, { port });
}
