// What every other script stands on: packages installed, sources built, both only when needed.

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { existsSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top folder of the project. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The binary, once it is built. */
export const binary = join(root, 'dist', 'src', 'main.js');

const SOURCES = ['src', 'migrations', 'tsconfig.json', 'tsconfig.build.json', 'nest-cli.json', 'package-lock.json'];

/** A step of the set-up failed; the message holds what it printed. */
export class SetupError extends Error {}

/** Installs the packages of package-lock.json when they are missing or older than it. */
export async function install() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (existsSync(installed) && modified(installed) >= modified(join(root, 'package-lock.json'))) return;
  // Without dev dependencies nothing can be built, whatever NODE_ENV says.
  await step('Installing packages, which takes a minute or two', npm(), ['ci', '--include=dev', '--no-fund', '--no-audit']);
}

/** Compiles to dist when a source is younger than what is there. */
export async function build() {
  const started = new Date();
  if (existsSync(binary) && modified(binary) >= newest(SOURCES.map((source) => join(root, source)))) return;
  try {
    await step('Building', npm(), ['run', '--silent', 'build']);
  } catch (error) {
    // The compiler writes files even when it finds errors; they must not pass for a build.
    rmSync(join(root, 'dist'), { recursive: true, force: true });
    throw error;
  }
  // As old as the sources it was made from: what was saved meanwhile is younger.
  utimesSync(binary, started, started);
}

/** npm as it was called, or from the PATH. */
function npm() {
  const path = process.env.npm_execpath;
  return path && path.endsWith('.js') ? [process.execPath, path] : [process.platform === 'win32' ? 'npm.cmd' : 'npm'];
}

/** Latest change of a file, or of anything in a folder: a file that went away changes its folder. */
function newest(paths) {
  return Math.max(...paths.map((path) => Math.max(modified(path), ...(isFolder(path) ? [newest(children(path))] : []))));
}

const modified = (path) => statSync(path).mtimeMs;
const isFolder = (path) => statSync(path).isDirectory();
const children = (path) => readdirSync(path).map((name) => join(path, name));

/** Runs a command with a line of progress; its output is shown only when it fails. */
async function step(title, [command, ...first], args) {
  const started = Date.now();
  process.stderr.write(`${title} … `);
  const { code, output } = await capture(command, [...first, ...args]);
  process.stderr.write(code === 0 ? `done in ${Math.round((Date.now() - started) / 1000)} s\n` : 'failed\n');
  if (code !== 0) throw new SetupError(output.trim() || `${command} ended with ${code}`);
}

/** Runs a command in the project's folder to its end; answers its exit code and all it printed. */
export function capture(command, args) {
  return new Promise((resolved, rejected) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    child.once('error', rejected);
    child.once('close', (code, signal) => resolved({ code: exitCode(code, signal), output: Buffer.concat(chunks).toString('utf8') }));
  });
}

/** How a shell would report the end of a process. */
export const exitCode = (code, signal) => (signal ? 128 + constants.signals[signal] : code);

/** npm does not pass a signal on: when it was told to stop, its script sees only that its parent is gone. Then calls `end`. */
export function whenNpmIsGone(end) {
  if (!process.env.npm_lifecycle_event) return;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    end();
  }, 250);
  watch.unref();
}
