import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Runs one role in a process of its own, pinned to a processor where `taskset` can, and answers what it reports:
 * `{ rate, cpuMicros }`: units per second of wall time, and user + system microseconds of that process for each unit.
 */
export function run(role, options) {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('./roles.mjs', import.meta.url)), [role, JSON.stringify(options)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      // BENCH_PROFILE=folder writes a CPU profile of each role there.
      execArgv: process.env.BENCH_PROFILE
        ? ['--cpu-prof', `--cpu-prof-dir=${process.env.BENCH_PROFILE}`, `--cpu-prof-name=${role}-${Date.now()}.cpuprofile`]
        : [],
      env: { ...process.env, KAFKAJS_NO_PARTITIONER_WARNING: '1', NODE_ENV: 'production' },
    });
    let report;
    child.on('message', (message) => (report = message));
    child.on('exit', (code) => (report ? resolve(report) : reject(new Error(`${role} ended with ${code} and no report`))));
  });
}

export const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** Runs `ours` and `bare` in turn, `pairs` times, and prints the ratio of their rates pair by pair. */
export async function paired(title, pairs, ours, bare) {
  const rows = [];
  for (let pair = 0; pair < pairs; pair++) rows.push({ ours: await ours(pair), bare: await bare(pair) });
  const ratios = rows.map((row) => row.ours.rate / row.bare.rate);
  const figure = (pick) => Math.round(median(rows.map(pick))).toLocaleString('en');
  const micros = (pick) => median(rows.map(pick)).toFixed(2);
  const result = { title, ratio: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) };
  process.stdout.write(
    `${title}\n  ours ${figure((row) => row.ours.rate)}/s (${micros((row) => row.ours.cpuMicros)} µs CPU each), ` +
      `bare ${figure((row) => row.bare.rate)}/s (${micros((row) => row.bare.cpuMicros)} µs CPU each)\n` +
      `  ratio ${result.ratio.toFixed(2)} (${result.least.toFixed(2)} to ${result.most.toFixed(2)}, ${pairs} pairs)\n`,
  );
  return result;
}
