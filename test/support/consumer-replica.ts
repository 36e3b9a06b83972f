import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A replica of a consumer app (consumer-process.ts) that can be stopped, frozen and started again. */
export class ConsumerReplica {
  #child: ChildProcess | undefined;
  #ended: Promise<number | null> = Promise.resolve(0);
  #said = '';

  constructor(
    readonly name: string,
    private readonly topic: string,
    private readonly group: string,
    private readonly settings: Readonly<Record<string, string>>,
  ) {}

  /** Resolves when it consumes. */
  async start(): Promise<void> {
    const env = { PATH: process.env['PATH'], ...this.settings, INSTANCE_ID: this.name };
    const program = ['--import', './test/support/typescript.mjs', 'test/support/consumer-process.ts', this.topic, this.group];
    const child = spawn(process.execPath, program, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once('exit', resolve));
    child.stderr.on('data', (text: Buffer) => (this.#said = (this.#said + text.toString()).slice(-4000)));
    const ready = new Promise<void>((resolve) => {
      createInterface({ input: child.stdout }).on('line', (line) => line === 'ready' && resolve());
    });
    const died = this.#ended.then((code) => {
      throw new Error(`${this.name} ended with ${code}: ${this.#said}`);
    });
    await Promise.race([ready, died]);
    died.catch(() => undefined);
  }

  /** Asks it to stop; answers its exit code. */
  async stop(): Promise<number | null> {
    this.#child?.kill('SIGTERM');
    return this.#ended;
  }

  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }
}
