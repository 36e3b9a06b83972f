import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

const READY_WITHIN_MS = 60_000;

/** One process of the real binary, which can be killed and started again. */
export class Replica {
  readonly #log: WriteStream;
  #child: ChildProcess | undefined;
  #ended: Promise<string> = Promise.resolve('never started');
  #url: string | undefined;
  #wanted = false;
  #frozen = false;
  /** Ends of the process that nobody wanted, or not so, in words. */
  readonly accidents: string[] = [];
  starts = 0;

  constructor(
    readonly name: string,
    private readonly options: { readonly binary: string; readonly env: Readonly<Record<string, string>>; readonly logFile: string },
  ) {
    this.#log = createWriteStream(options.logFile, { flags: 'a' });
  }

  /** Where it listens; undefined while it does not, or is frozen. */
  get url(): string | undefined {
    return this.#frozen ? undefined : this.#url;
  }

  get alive(): boolean {
    return this.#child !== undefined;
  }

  /** Starts the process without waiting for it. */
  spawn(): void {
    if (this.#child) throw new Error(`${this.name} runs already`);
    this.starts++;
    this.#wanted = true;
    this.#log.write(`--- start ${this.starts} at ${new Date().toISOString()}\n`);
    const child = spawn(process.execPath, [this.options.binary, 'serve'], {
      env: { PATH: process.env['PATH'] ?? '', ...this.options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    }).then((how) => this.#over(child, String(how)));
    child.stderr.on('data', (text: Buffer) => this.#log.write(text));
    createInterface({ input: child.stdout }).on('line', (line) => this.#line(child, line));
  }

  #line(child: ChildProcess, line: string): void {
    this.#log.write(`${line}\n`);
    if (this.#url || !line.includes('"listening"')) return;
    const url = /"url":"([^"]+)"/.exec(line)?.[1];
    if (child === this.#child) this.#url = url;
  }

  #over(child: ChildProcess, how: string): string {
    this.#log.write(`--- ended: ${how} at ${new Date().toISOString()}\n`);
    if (this.#wanted) this.accidents.push(`${this.name} ended by itself (${how})`);
    if (child === this.#child) {
      this.#child = undefined;
      this.#url = undefined;
    }
    return how;
  }

  /** Starts the process when it does not run, and waits until it listens. */
  async start(): Promise<void> {
    if (!this.#child) this.spawn();
    const end = Date.now() + READY_WITHIN_MS;
    while (!this.#url) {
      if (!this.#child) throw new Error(`${this.name} ended before it listened; see ${this.options.logFile}`);
      if (Date.now() > end) throw new Error(`${this.name} does not listen after ${READY_WITHIN_MS} ms; see ${this.options.logFile}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** SIGKILL. False when there was nobody to kill. */
  async kill(): Promise<boolean> {
    this.#wanted = false;
    const killed = this.#child?.kill('SIGKILL') ?? false;
    await this.#ended;
    return killed;
  }

  /** Stops the process in whatever it does; nobody is sent to it any more. False when it does not listen. */
  freeze(): boolean {
    if (!this.url) return false;
    this.#frozen = true;
    this.#log.write(`--- frozen at ${new Date().toISOString()}\n`);
    this.#child?.kill('SIGSTOP');
    return true;
  }

  /** Lets it go on as if nothing had been. */
  thaw(): void {
    this.#frozen = false;
    this.#log.write(`--- thawed at ${new Date().toISOString()}\n`);
    this.#child?.kill('SIGCONT');
  }

  /** SIGTERM; it may be started again. Killed when it takes longer than `most` (ms). Another end than a good one is an accident. */
  async stop(most = 15_000): Promise<void> {
    if (!this.#child) return;
    this.#wanted = false;
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child?.kill('SIGKILL'), most);
    const how = await this.#ended;
    clearTimeout(late);
    if (how !== 'exit code 0') this.accidents.push(`${this.name} ended with ${how} when it was told to stop`);
  }

  /** Whatever it does: it is over. */
  async close(): Promise<void> {
    await this.kill();
    this.#log.end();
  }
}
