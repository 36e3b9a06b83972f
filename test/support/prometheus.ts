import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type ChildProcess, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './servers/processes.mjs';
import { findProgram, hasProgram, requirePrograms } from './servers/programs.mjs';
import { eventually } from './eventually.js';

const programs = ['prometheus', 'prometheus-node-exporter'];

/** Makes sure that Debian's Prometheus and node exporter are there. */
export function requirePrometheus(): Promise<void> {
  return requirePrograms({
    present: () => programs.every(hasProgram),
    packages: ['prometheus', 'prometheus-node-exporter'],
    remedy: 'the end-to-end tests need Prometheus and its node exporter: apt-get install prometheus prometheus-node-exporter',
  });
}

export interface Prometheus {
  stop(): void;
}

/** Prometheus and a node exporter that reads these processors, with the files of examples/prometheus, only faster and with the addresses of this run. */
export async function startPrometheus(tocsin: string, processors: Processors): Promise<Prometheus> {
  await requirePrometheus();
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-prometheus-'));
  const [exporterPort, port] = [await freePort(), await freePort()];
  const config = readFileSync('examples/prometheus/prometheus.yml', 'utf8')
    .replaceAll('5s', '1s')
    .replaceAll('127.0.0.1:9100', `127.0.0.1:${exporterPort}`)
    .replaceAll('127.0.0.1:8080', new URL(tocsin).host);
  writeFileSync(join(folder, 'prometheus.yml'), config);
  writeFileSync(join(folder, 'rules.yml'), readFileSync('examples/prometheus/rules.yml', 'utf8').replace('[20s]', '[5s]'));
  const children: ChildProcess[] = [
    spawn(
      findProgram('prometheus-node-exporter'),
      [`--web.listen-address=127.0.0.1:${exporterPort}`, `--path.procfs=${processors.proc}`, '--collector.disable-defaults', '--collector.cpu'],
      { stdio: 'ignore' },
    ),
    spawn(
      findProgram('prometheus'),
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--rules.alert.resend-delay=2s',
      ],
      { stdio: 'ignore' },
    ),
  ];
  const stop = (): void => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', stop);
  await eventually(() => answers(`http://127.0.0.1:${port}/-/ready`), 'Prometheus is ready');
  return { stop };
}

export interface ScrapingPrometheus extends Prometheus {
  /** The result of an instant query; rejects when Prometheus refuses it. */
  query(expr: string): Promise<readonly unknown[]>;
}

/** Prometheus with deploy/prometheus/scrape.yml, that scrapes this Tocsin every second. */
export async function scrapingPrometheus(tocsin: string): Promise<ScrapingPrometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-scraping-'));
  const config = readFileSync('deploy/prometheus/scrape.yml', 'utf8').replaceAll('15s', '1s').replaceAll('127.0.0.1:8080', new URL(tocsin).host);
  writeFileSync(join(folder, 'scrape.yml'), config);
  writeFileSync(join(folder, 'rules.yml'), readFileSync('deploy/prometheus/rules.yml', 'utf8'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    findProgram('prometheus'),
    [`--config.file=${join(folder, 'scrape.yml')}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`],
    { stdio: 'ignore' },
  );
  const stop = (): void => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once('exit', stop);
  await eventually(() => answers(`${url}/-/ready`), 'Prometheus is ready');
  const query = async (expr: string): Promise<readonly unknown[]> => {
    const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: expr }).toString()}`);
    const { status, error, data } = (await response.json()) as { status: string; error?: string; data?: { result: unknown[] } };
    if (status !== 'success') throw new Error(`${expr}: ${error}`);
    return data!.result;
  };
  await eventually(async () => (await query('tocsin_build_info')).length > 0, 'the first scrape');
  return { stop, query };
}

const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );

/** Times of two processors as the kernel counts them in `<proc>/stat`, told by the test and not by what else the machine does. */
export class Processors {
  readonly proc = mkdtempSync(join(tmpdir(), 'tocsin-proc-'));
  readonly #timer = setInterval(() => this.#count(), 100);
  #since = Date.now();
  #busy = 0;
  #idle = 0;
  /** Share of the time from now on in which they work, 0 to 1. */
  #load = 0;

  constructor() {
    this.#count();
  }

  load(share: number): void {
    this.#count();
    this.#load = share;
  }

  close(): void {
    clearInterval(this.#timer);
    rmSync(this.proc, { recursive: true, force: true });
  }

  #count(): void {
    const passed = Date.now() - this.#since;
    this.#since += passed;
    this.#busy += passed * this.#load;
    this.#idle += passed * (1 - this.#load);
    // user nice system idle iowait irq softirq steal guest guest_nice, each in hundredths of a second.
    const times = `${Math.floor(this.#busy / 10)} 0 0 ${Math.floor(this.#idle / 10)} 0 0 0 0 0 0`;
    const next = join(this.proc, 'stat.next');
    writeFileSync(next, ['cpu', 'cpu0', 'cpu1'].map((name) => `${name} ${times}\n`).join(''));
    renameSync(next, join(this.proc, 'stat'));
  }
}
