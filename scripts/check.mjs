// `npm run check`: everything about the code that needs no run of it. All steps run, whatever the others say.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brokenLinks } from './links.mjs';
import { capture, install, root } from './setup.mjs';

const AT_ONCE = 2;

/** Runs a program of a package; its arguments follow the path inside node_modules. */
const program = (path, ...args) => capture(process.execPath, [join(root, 'node_modules', path), ...args]);

/** By name: what answers `{ code, output }`. */
const steps = {
  format: () => program('prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'),
  types: () => program('typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json'),
  lint: () => program('eslint/bin/eslint.js', '--max-warnings', '0', '.'),
  boundaries: () => program('dependency-cruiser/bin/dependency-cruise.mjs', '--config', '.dependency-cruiser.cjs', 'src', 'migrations', 'test'),
  docs: () => capture(process.execPath, [join(root, 'scripts', 'docs.mjs'), '--check']),
  client: () => capture(process.execPath, [join(root, 'scripts', 'client.mjs')]),
  links: async () => {
    const broken = brokenLinks();
    return { code: broken.length > 0 ? 1 : 0, output: broken.map((link) => `leads nowhere: ${link}\n`).join('') };
  },
  words: () => capture(process.execPath, [join(root, 'scripts', 'words.mjs')]),
};

/** Runs every step and prints one line for each, with its output below when it failed. Answers how many passed and failed. */
export async function check() {
  const waiting = Object.entries(steps);
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const ok = await report(...next);
      counts[ok ? 'passed' : 'failed']++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return counts;
}

async function report(name, run) {
  const started = Date.now();
  const { code, output } = await run().catch((error) => ({ code: 1, output: String(error) }));
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(10)} ${seconds} s`);
  if (code !== 0) console.log(output.trimEnd());
  return code === 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await install();
  const { failed } = await check();
  process.exitCode = failed > 0 ? 1 : 0;
}
