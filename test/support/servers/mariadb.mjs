// A real MariaDB with an empty data directory.

import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { firstBytes, freePort, openHome, run, startDaemon } from './processes.mjs';
import { findProgram, hasProgram, requirePrograms } from './programs.mjs';

/** @typedef {import('./processes.mjs').Daemon} Daemon */

const PROGRAMS = ['mariadbd', 'mariadb-install-db', 'mariadb'];
const REMEDY = 'MariaDB is missing: install mariadb-server (mariadbd, mariadb-install-db) and mariadb-client.';

// The server runs it at each start, before it listens.
const INIT_SQL = `
CREATE USER IF NOT EXISTS tocsin@'%' IDENTIFIED BY 'tocsin';
GRANT ALL ON *.* TO tocsin@'%' WITH GRANT OPTION;
CREATE DATABASE IF NOT EXISTS tocsin;
`;

/** How the server differs from a default one, as options of `mariadbd`. */
export const SERVER_OPTIONS = [
  '--skip-log-bin',
  '--skip-name-resolve',
  '--max-connections=200',
  '--character-set-server=utf8mb4',
  '--innodb-buffer-pool-size=256M',
  '--innodb-flush-log-at-trx-commit=1',
];

/**
 * Starts a server with user and database `tocsin`, reachable from this machine only, and waits until it greets.
 *
 * @param {object} [options]
 * @param {number} [options.port] a free one
 * @param {string[]} [options.options] of `mariadbd`, over ours, such as `--max-connections=20`
 * @returns {Promise<Daemon & {
 *   url: string,
 *   port: number,
 *   createDatabase: (name: string) => Promise<string>,
 *   sql: (text: string) => Promise<string>,
 * }>} `createDatabase` answers the new, empty database's URL; `sql` runs statements in database `tocsin` and answers
 *   tab-separated rows without a head
 * @throws {import('./programs.mjs').Unavailable} when there is no MariaDB on this machine
 */
export async function startMariadb({ port: wantedPort, options = [] } = {}) {
  // The core packages hold the programs alone, so that no system service comes with them.
  await requirePrograms({
    present: () => PROGRAMS.every(hasProgram),
    packages: ['mariadb-server-core', 'mariadb-client-core'],
    remedy: REMEDY,
  });
  const port = wantedPort ?? (await freePort());
  const home = openHome('mariadb');
  const data = join(home.path, 'data');
  const init = join(home.path, 'init.sql');
  let user = [];
  try {
    mkdirSync(data);
    writeFileSync(init, INIT_SQL);
    if (process.getuid?.() === 0) user = await handOver([home.path, data, init], home);
    await run(
      findProgram('mariadb-install-db'),
      ['--no-defaults', ...user, `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db'],
      { home },
    );
  } catch (error) {
    await home.close();
    throw error;
  }
  const daemon = await startDaemon({
    name: 'mariadb',
    command: findProgram('mariadbd'),
    args: [
      '--no-defaults',
      ...user,
      `--datadir=${data}`,
      `--socket=${join(home.path, 'socket')}`,
      `--pid-file=${join(home.path, 'pid')}`,
      `--init-file=${init}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      ...SERVER_OPTIONS,
      ...options,
    ],
    home,
    port,
    answers: () => databaseAnswers(port),
  });
  const sql = (text) => runSql(port, text);
  return Object.assign(daemon, {
    url: databaseUrl(port, 'tocsin'),
    port,
    sql,
    async createDatabase(name) {
      await sql(`CREATE DATABASE \`${name}\``);
      return databaseUrl(port, name);
    },
  });
}

/**
 * Whether the server on a port greets with a handshake (protocol 10) rather than with an error.
 *
 * @param {number} port
 * @returns {Promise<boolean>}
 */
export async function databaseAnswers(port) {
  // Four bytes of packet header, then the protocol's version.
  const greeting = await firstBytes(port, 5);
  return greeting?.[4] === 10;
}

/**
 * @param {number} port
 * @param {string} name
 */
export function databaseUrl(port, name) {
  return `mysql://tocsin:tocsin@127.0.0.1:${port}/${name}`;
}

/**
 * @param {number} port
 * @param {string} text
 */
function runSql(port, text) {
  const server = ['--no-defaults', '--protocol=tcp', '--host=127.0.0.1', `--port=${port}`, '--user=tocsin'];
  const args = [...server, '--default-character-set=utf8mb4', '--batch', '--skip-column-names', 'tocsin'];
  return run(findProgram('mariadb'), args, { input: text, env: { MYSQL_PWD: 'tocsin' } });
}

/**
 * Gives paths to the unprivileged user the server has to run as, since it refuses to run as root.
 *
 * @param {string[]} paths
 * @param {import('./processes.mjs').Home} home
 * @returns {Promise<string[]>} the options that name the user
 */
async function handOver(paths, home) {
  const name = await run('id', ['-un', 'mysql'], { home }).catch(() => 'nobody');
  const user = name.trim();
  const uid = Number(await run('id', ['-u', user], { home }));
  const gid = Number(await run('id', ['-g', user], { home }));
  for (const path of paths) chownSync(path, uid, gid);
  return [`--user=${user}`];
}
