// `npm test`: sets up what is missing, then runs everything, quick suites first. Arguments name suites: check unit contract e2e chaos.
// `--kafka 3.9.2` takes another Apache Kafka than the current one. The last line is the sum of all suites: `N passed, N failed, N skipped`.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, exitCode, install, root, whenNpmIsGone } from './setup.mjs';

/** A suite that takes longer hangs. */
const SUITE_MS = 40 * 60_000;
/** A suite that has told its results and still runs after so long has left something open. */
const LEAVE_MS = 30_000;

/** In the order in which they run. `servers`: real Kafka and MariaDB; `binary`: the built program. */
const suites = {
  check: { run: () => import('./check.mjs').then(({ check }) => check()) },
  unit: { run: (servers) => jest('unit', ['--maxWorkers=2', ...ignoring('contract', 'e2e', 'support')], servers) },
  contract: { servers: true, run: (servers) => jest('contract', ['--maxWorkers=2', ...only('contract', 'support')], servers) },
  e2e: { servers: true, binary: true, run: (servers) => jest('e2e', ['--runInBand', ...only('e2e')], servers) },
  chaos: { servers: true, binary: true, run: (servers) => script('chaos.mjs', ['--short'], servers) },
};

const FAILED = { passed: 0, failed: 1, skipped: 0 };
const folder = (name) => `${join(root, 'test', name).replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}[\\\\/]`;
const only = (...names) => names.map(folder);
const ignoring = (...names) => ['/node_modules/', ...names.map(folder)].map((pattern) => `--testPathIgnorePatterns=${pattern}`);

const results = mkdtempSync(join(tmpdir(), 'tocsin-results-'));
/** The process groups that run now. */
const running = new Set();

/** Runs a suite of jest and counts its tests; a file that could not be run counts as one that failed. */
async function jest(name, args, servers) {
  const file = join(results, `${name}.json`);
  const program = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const code = await group([program, '--ci', '--json', `--outputFile=${file}`, ...args], servers, () => existsSync(file));
  if (code !== 0) console.error(`${name} ended with ${code}.`);
  if (!existsSync(file)) return FAILED;
  const report = JSON.parse(readFileSync(file, 'utf8'));
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  return { passed: report.numPassedTests, failed: failed || (code === 0 ? 0 : 1), skipped: report.numPendingTests + report.numTodoTests };
}

async function script(name, args, servers) {
  const code = await group([join(root, 'scripts', name), ...args], servers);
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}

/** Runs Node in a process group of its own, of which nothing is left afterwards. `isDone`: it has nothing more to do. */
function group(args, { kafkaBrokers, databaseUrl } = {}, isDone = () => false) {
  const env = { ...process.env };
  if (kafkaBrokers) env.KAFKA_BROKERS = kafkaBrokers;
  if (databaseUrl) env.DATABASE_URL = databaseUrl;
  return new Promise((resolved) => {
    const child = spawn(process.execPath, args, { cwd: root, env, detached: true, stdio: ['ignore', 'inherit', 'inherit'] });
    running.add(child.pid);
    let end = Date.now() + SUITE_MS;
    const impatience = setInterval(() => {
      if (isDone()) end = Math.min(end, Date.now() + LEAVE_MS);
      if (Date.now() > end) kill(child.pid);
    }, 1000);
    child.once('exit', (code, signal) => {
      clearInterval(impatience);
      kill(child.pid);
      running.delete(child.pid);
      resolved(exitCode(code, signal));
    });
  });
}

function kill(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
}

/** Kafka and MariaDB for the suites that need them, or undefined after a sentence that says what is missing. */
async function startServers() {
  const { servers } = await import('../test/support/servers/servers.mjs');
  try {
    const started = await servers({ kafka: true, mysql: true });
    console.log(started.describe);
    return started;
  } catch (error) {
    console.error(`No servers to test with: ${error.message}`);
    return undefined;
  }
}

async function isBuilt() {
  try {
    await build();
    return true;
  } catch (error) {
    console.error(error.message);
    return false;
  }
}

async function run(name, built, starting) {
  const suite = suites[name];
  // Unit tests run the SQL on MariaDB as well when somebody starts one anyway.
  const servers = name === 'check' ? undefined : await starting;
  console.log(`\n== ${name} ==`);
  if ((suite.servers && !servers) || (suite.binary && !built)) {
    console.error(`${name} cannot run: ${built ? 'it needs the servers' : 'the build failed'}.`);
    return FAILED;
  }
  return suite.run(servers).catch((error) => {
    console.error(error);
    return FAILED;
  });
}

async function main(names) {
  await install();
  const starting = names.some((name) => suites[name].servers) ? startServers() : undefined;
  const built = names.some((name) => suites[name].binary) ? await isBuilt() : true;
  const total = { passed: 0, failed: 0, skipped: 0 };
  const lines = [];
  for (const name of names) {
    const counts = await run(name, built, starting);
    for (const outcome of Object.keys(total)) total[outcome] += counts[outcome];
    lines.push(`${name.padEnd(9)} ${sentence(counts)}`);
  }
  await (await starting)?.stop();
  console.log(`\n${lines.join('\n')}\n\n${sentence(total)}`);
  return total.failed > 0 ? 1 : 0;
}

const sentence = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed, ${skipped} skipped`;

function end() {
  for (const pid of running) kill(pid);
  rmSync(results, { recursive: true, force: true });
}

// A guard of their own ends the servers when this process is gone.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(exitCode(undefined, signal)));
process.on('exit', end);
whenNpmIsGone(() => process.exit(1));

const names = process.argv.slice(2);
const kafka = names.indexOf('--kafka');
// Before anything imports the servers, which read it.
if (kafka >= 0) process.env.TOCSIN_TEST_KAFKA = names.splice(kafka, 2)[1] ?? '';
const unknown = names.find((name) => !(name in suites));
if (unknown) {
  console.error(`There is no suite ${unknown}; there are ${Object.keys(suites).join(', ')}.`);
  process.exitCode = 2;
} else {
  process.exitCode = await main(names.length > 0 ? names : Object.keys(suites)).catch((error) => {
    console.error(error.message);
    console.log('0 passed, 1 failed, 0 skipped');
    return 1;
  });
}
