// `npm run bench`: builds, then runs bench/run.mjs with the same arguments.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const run = (command, args) => {
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
};

run(join('node_modules', '.bin', 'nest'), ['build']);
run(process.execPath, ['bench/run.mjs', ...process.argv.slice(2)]);
