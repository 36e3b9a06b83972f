// Server processes of tests, chaos runs and benchmarks: started, awaited, killed, and never left behind.

import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const READY_WITHIN_MS = 90_000;
const ENDED_WITHIN_MS = 30_000;
const DEADLY = new Set(['SIGKILL', 'SIGTERM', 'SIGINT']);

// Reads process group ids line by line. `over` is a farewell; the pipe's end without it means that its writer died.
const GUARD = `
  while read -r line; do [ "$line" = over ] && exit 0; group=$line; done
  [ -n "$group" ] && kill -s KILL -- "-$group" 2>/dev/null
  [ -n "$2" ] && docker rm --force "$2"
  [ -n "$1" ] || exit 0
  for i in 1 2 3 4 5 6 7 8 9; do rm -rf "$1" && exit 0; sleep 1; done`;

/**
 * A directory together with a guard: a shell in a session of its own that kills what runs in the directory and removes
 * it when this process is gone, however it went (exit, SIGINT, SIGTERM, even SIGKILL).
 *
 * @typedef {object} Home
 * @property {string} path
 * @property {(group?: number) => void} watch names the process group the guard has to kill; none when it has ended
 * @property {() => Promise<void>} close removes the directory, unless it was named by the caller
 */

/**
 * @param {string} kind part of the directory's name
 * @param {{ kept?: string, parent?: string, container?: string }} [options] `kept` is a directory that stays;
 *   `container` the name of a Docker container to remove with the home
 * @returns {Home}
 */
export function openHome(kind, { kept, parent = tmpdir(), container } = {}) {
  const path = kept ? resolve(kept) : mkdtempSync(join(parent, `tocsin-${kind}-`));
  mkdirSync(path, { recursive: true });
  const guard = spawn('/bin/sh', ['-c', GUARD, 'guard', kept ? '' : path, container ?? ''], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.stdin.on('error', () => {});
  /** @type {import('node:net').Socket} */ (guard.stdin).unref();
  guard.unref();
  return {
    path,
    watch: (group) => void guard.stdin.write(`${group ?? ''}\n`),
    async close() {
      if (container) await run('docker', ['rm', '--force', container]);
      if (!kept) await rm(path, { recursive: true, force: true, maxRetries: 10 });
      guard.stdin.end('over\n');
    },
  };
}

/**
 * Runs a command to its end.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ home?: Home, env?: NodeJS.ProcessEnv, input?: string, deadline?: number }} [options] `env` is added to
 *   ours, `deadline` is in ms
 * @returns {Promise<string>} its standard output
 * @throws {Error} with the end of its output, when it fails or is too slow
 */
export function run(command, args, { home, env, input = '', deadline = 120_000 } = {}) {
  return new Promise((resolved, rejected) => {
    const child = spawn(command, args, {
      cwd: home?.path,
      env: { ...process.env, ...env },
      detached: true,
      timeout: deadline,
      killSignal: 'SIGKILL',
    });
    let out = '';
    let all = '';
    home?.watch(child.pid);
    child.stdin.on('error', () => {}).end(input);
    child.stdout.setEncoding('utf8').on('data', (text) => ((out += text), (all += text)));
    child.stderr.setEncoding('utf8').on('data', (text) => (all += text));
    child.once('error', rejected);
    child.once('close', (code, signal) => {
      home?.watch();
      if (code === 0) resolved(out);
      else rejected(new Error(`${command} ended with ${signal ?? code}:\n${lastLines(all)}`));
    });
  });
}

/**
 * A port nobody listens on, below the range from which systems take the ports of outgoing connections: a client that
 * keeps reconnecting to a killed server from within that range can end up connected to itself, and hold the port.
 *
 * @returns {Promise<number>}
 */
export async function freePort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
}

const given = new Set();

/** @param {number} port */
function isFree(port) {
  return new Promise((resolved) => {
    const server = createServer();
    server.once('error', () => resolved(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolved(true)));
  });
}

/**
 * The first bytes a server on this machine sends back, `undefined` when it sends fewer in two seconds.
 *
 * @param {number} port
 * @param {number} bytes how many are wanted
 * @param {Buffer} [request] sent first; none when the server is the one who greets
 * @returns {Promise<Buffer | undefined>}
 */
export function firstBytes(port, bytes, request) {
  return new Promise((resolved) => {
    let answer = Buffer.alloc(0);
    const socket = connect(port, '127.0.0.1', () => request && socket.write(request));
    socket.setTimeout(2_000, () => socket.destroy());
    socket.on('error', () => {});
    socket.on('data', (data) => {
      answer = Buffer.concat([answer, data]);
      if (answer.length >= bytes) socket.destroy();
    });
    socket.once('close', () => resolved(answer.length >= bytes ? answer : undefined));
  });
}

/**
 * A running server process.
 *
 * @typedef {object} Daemon
 * @property {number} pid of the process of the last start
 * @property {string} logFile what the process prints
 * @property {(signal?: NodeJS.Signals) => Promise<void>} kill SIGKILL unless told otherwise; waits for the end where
 *   the signal means one. SIGSTOP and SIGCONT freeze and thaw
 * @property {() => Promise<void>} restart ends the process in order when it still runs, starts it again on the same
 *   port and data, and waits until it answers
 * @property {() => Promise<void>} stop ends it and removes its temporary directory
 */

/**
 * Starts a server and waits until it answers.
 *
 * @param {object} server
 * @param {string} server.name
 * @param {string} server.command
 * @param {string[]} server.args
 * @param {Home} server.home closed by `stop`, and when the first start fails
 * @param {number} server.port must be free
 * @param {boolean} [server.orderly] whether `stop` lets it end in order, since its data is wanted afterwards
 * @param {() => Promise<boolean>} server.answers whether it is ready for work
 * @returns {Promise<Daemon>}
 */
export async function startDaemon({ name, command, args, home, port, orderly = false, answers }) {
  const logFile = join(home.path, `${name}.log`);
  const failure = (what) => new Error(`${name} ${what}. The end of its log:\n${lastLines(readFileSync(logFile, 'utf8'))}`);
  let child;
  let ended;
  let end;

  async function launch() {
    if (!(await isFree(port))) throw new Error(`${name} cannot start: port ${port} is taken`);
    const log = openSync(logFile, 'a');
    child = spawn(command, args, { cwd: home.path, detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    child.unref();
    home.watch(child.pid);
    end = undefined;
    ended = new Promise((resolved) => {
      child.once('error', resolved);
      child.once('exit', (code, signal) => resolved(signal ?? `exit code ${code}`));
    }).then((how) => {
      home.watch();
      end = how;
    });
    const deadline = Date.now() + READY_WITHIN_MS;
    while (!(await answers())) {
      if (end) throw failure(`ended with ${end} before it answered`);
      if (Date.now() > deadline) throw failure(`did not answer within ${READY_WITHIN_MS / 1000} s`);
      await sleep(100);
    }
  }

  async function kill(signal = 'SIGKILL') {
    if (end) return;
    child.ref();
    child.kill(signal);
    if (DEADLY.has(signal)) await ended;
    child.unref();
  }

  async function finish() {
    const impatience = setTimeout(() => void kill('SIGKILL'), ENDED_WITHIN_MS);
    await kill('SIGCONT');
    await kill('SIGTERM');
    clearTimeout(impatience);
  }

  async function stop() {
    await (orderly ? finish() : kill('SIGKILL'));
    await home.close();
  }

  async function restart() {
    await finish();
    await launch();
  }

  try {
    await launch();
  } catch (error) {
    if (child) await kill('SIGKILL');
    await home.close();
    throw error;
  }
  return {
    get pid() {
      return child.pid;
    },
    logFile,
    kill,
    restart,
    stop,
  };
}

/** @param {string} text */
function lastLines(text) {
  return text.trimEnd().split('\n').slice(-40).join('\n');
}
