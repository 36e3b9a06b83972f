// `npm start`: from a fresh clone to a running server. Arguments after `--` go to `tocsin serve`.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

// The check comes before anything that an old Node might not even parse.
const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const [wanted, actual] = [engines.node.replace('>=', ''), process.versions.node].map((version) => version.split('.').map(Number));
if (actual[0] < wanted[0] || (actual[0] === wanted[0] && actual[1] < wanted[1])) {
  console.error(`Tocsin needs Node ${wanted[0]}.${wanted[1]} or newer, and this is ${process.versions.node}. Install a current Node and try again.`);
  process.exitCode = 1;
} else {
  start(process.argv.slice(2)).then(
    (code) => (process.exitCode = code),
    (error) => {
      console.error(error.message);
      process.exitCode = 1;
    },
  );
}

async function start(args) {
  const { binary, build, exitCode, install, root, whenNpmIsGone } = await import('./setup.mjs');
  await install();
  await build();
  const server = spawn(process.execPath, [binary, 'serve', ...args], { cwd: root, stdio: 'inherit' });
  // A terminal sends Ctrl-C to the server as well, which must not get it twice.
  const signals = process.stdin.isTTY ? ['SIGTERM', 'SIGHUP'] : ['SIGTERM', 'SIGHUP', 'SIGINT'];
  for (const signal of signals) process.on(signal, () => server.kill(signal));
  if (process.stdin.isTTY) process.on('SIGINT', () => {});
  whenNpmIsGone(() => server.kill('SIGTERM'));
  return new Promise((resolved, rejected) => {
    server.once('error', rejected);
    server.once('exit', (code, signal) => resolved(exitCode(code, signal)));
  });
}
