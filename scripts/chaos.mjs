// `npm run chaos`: kills and scales replicas under load and compares what is left with a sequential run. docs/chaos.md says what is judged.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { binary, build, exitCode, install, root } from './setup.mjs';

const USAGE = `usage: npm run chaos -- [--short] [--run crash|scale|both] [--mode embedded|distributed|both]
                        [--events N] [--kills N] [--freezes N] [--seed S] [--binary main.js] [--folder F]
  --short    what npm test runs: a few minutes for everything
  --run      crash: replicas are killed; scale: replicas come, restart, freeze and go, in the distributed mode
  --events   events for each run, at least
  --kills    SIGKILLs for each mode, at least
  --freezes  crash: how often a replica is stopped for longer than its session, and continues
  --seed     repeats the workload and the plan of kills of another run
  --binary   a program that was built elsewhere, instead of dist/src/main.js
  --folder   keeps the logs of the replicas and the evidence there, whatever comes out`;

/** By form and mode. A round is one report of every series; it takes no less than \`roundMs\`. */
const forms = {
  full: {
    distributed: { events: 300_000, kills: 25, freezes: 4, roundMs: 1000 },
    embedded: { events: 200_000, kills: 25, freezes: 0, roundMs: 700 },
    scale: { events: 60_000, roundMs: 1500, restarts: 4 },
  },
  short: {
    distributed: { events: 200_000, kills: 10, freezes: 1, roundMs: 500 },
    embedded: { events: 60_000, kills: 5, freezes: 0, roundMs: 500 },
    scale: { events: 30_000, roundMs: 3000, restarts: 2 },
  },
};
const REST_MS = { full: 300_000, short: 120_000 };

function read() {
  const number = (text) => {
    if (!/^\d+$/.test(text)) throw new Error(`${text} is not a number`);
    return Number(text);
  };
  const { values } = parseArgs({
    options: {
      short: { type: 'boolean', default: false },
      run: { type: 'string', default: 'both' },
      mode: { type: 'string', default: 'both' },
      events: { type: 'string' },
      kills: { type: 'string' },
      freezes: { type: 'string' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      binary: { type: 'string' },
      folder: { type: 'string' },
    },
  });
  if (!['crash', 'scale', 'both'].includes(values.run)) throw new Error(`there is no run ${values.run}`);
  if (!['embedded', 'distributed', 'both'].includes(values.mode)) throw new Error(`there is no mode ${values.mode}`);
  if (values.run === 'scale' && values.mode === 'embedded') throw new Error('embedded there is only one replica');
  const form = values.short ? 'short' : 'full';
  const { scale, ...crashes } = forms[form];
  const modes = values.run === 'scale' ? [] : Object.keys(crashes).filter((mode) => [mode, 'both'].includes(values.mode));
  const scales = values.run !== 'crash' && values.mode !== 'embedded';
  const counts = ['events', 'kills', 'freezes'].filter((name) => values[name] !== undefined);
  const given = Object.fromEntries(counts.map((name) => [name, number(values[name])]));
  return {
    crash: modes.map((mode) => ({ mode, ...crashes[mode], ...given })),
    scale: scales ? [{ ...scale, events: given.events ?? scale.events }] : [],
    seed: number(values.seed),
    restMs: REST_MS[form],
    binary: values.binary && resolve(values.binary),
    folder: values.folder && resolve(values.folder),
  };
}

/** Kafka and MariaDB of the environment, or started for this run. */
async function findServers({ crash, scale }) {
  if (scale.length === 0 && !crash.some(({ mode }) => mode === 'distributed')) return undefined;
  const { servers } = await import('../test/support/servers/servers.mjs');
  const found = await servers({ kafka: true, mysql: true });
  console.error(found.describe);
  return found;
}

/** Runs jest on the files of these runs, which no other suite has. */
function jest(options) {
  const program = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const files = ['crash', 'scale'].filter((run) => options[run].length > 0);
  const args = [program, '--ci', '--runInBand', '--verbose', '--testRegex', `(${files.join('|')})\\.chaos\\.ts$`];
  const env = { ...process.env, CHAOS: JSON.stringify(options) };
  return new Promise((resolved) => {
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('exit', (code, signal) => resolved(exitCode(code, signal)));
  });
}

async function main(given) {
  await install();
  if (!given.binary) await build();
  const folder = given.folder ?? mkdtempSync(join(tmpdir(), 'tocsin-chaos-'));
  const servers = await findServers(given);
  const addresses = servers && { brokers: servers.kafkaBrokers, databaseUrl: servers.databaseUrl };
  const code = await jest({ ...given, ...addresses, binary: given.binary ?? binary, folder });
  await servers?.stop();
  if (code === 0 && !given.folder) rmSync(folder, { recursive: true, force: true });
  else console.error(`logs and evidence are in ${folder}`);
  console.error(`seed ${given.seed}: ${code === 0 ? 'every promise was kept' : 'NOT every promise was kept'}`);
  return code;
}

let given;
try {
  given = read();
} catch (error) {
  console.error(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
if (given) {
  process.exitCode = await main(given).catch((error) => {
    console.error(error.message);
    return 1;
  });
}
