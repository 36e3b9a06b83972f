// The programs the servers are made of: found, or installed where that is possible and harmless.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from './processes.mjs';

const INSTALLED_WITHIN_MS = 15 * 60_000;

/** A server cannot be had on this machine; the message says in one sentence what to install. */
export class Unavailable extends Error {}

/**
 * @param {string} name of a program
 * @returns {string} its path, or the name alone when it is not there
 */
export function findProgram(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? name;
}

/** @param {string} name of a program */
export function hasProgram(name) {
  return findProgram(name) !== name;
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

let installing = Promise.resolve();

/**
 * Makes sure that programs are there; as root on Debian and Ubuntu missing ones are installed.
 *
 * @param {object} wanted
 * @param {() => boolean | Promise<boolean>} wanted.present
 * @param {string[]} wanted.packages Debian packages that bring them
 * @param {string} wanted.remedy the sentence for someone who has to install them
 * @throws {Unavailable}
 */
export async function requirePrograms({ present, packages, remedy }) {
  if (await present()) return;
  const turn = installing.then(async () => {
    if (await present()) return;
    if (process.getuid?.() !== 0 || !hasProgram('apt-get')) throw new Unavailable(remedy);
    await aptInstall(packages).catch((error) => {
      throw new Unavailable(`${remedy} (apt-get could not: ${error.message})`);
    });
    if (!(await present())) throw new Unavailable(remedy);
  });
  installing = turn.catch(() => {});
  await turn;
}

/** @param {string[]} packages */
async function aptInstall(packages) {
  const options = { env: { DEBIAN_FRONTEND: 'noninteractive' }, deadline: INSTALLED_WITHIN_MS };
  // Lists that cannot be refreshed may still do; if not, the installation says what is wrong.
  await run('apt-get', ['update', '-q'], options).catch(() => {});
  await run('apt-get', ['install', '-q', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=600', ...packages], options);
}
