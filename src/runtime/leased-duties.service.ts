import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../config.js';
import { LeaseRepository } from '../database/lease.repository.js';
import { PeriodicTask } from '../shared/periodic-task.js';
import { Duties } from './duties.js';

/** A leader-elected task on this replica. */
export interface Duty {
  readonly name: string;
  /** One run as the leader; resolves to the delay (ms) until the next. */
  readonly work: (now: number) => Promise<number>;
  /** Called when another replica has become the leader. */
  readonly lost?: (() => void) | undefined;
}

interface RunningDuty extends Duty {
  readonly task: PeriodicTask;
  isLeader: boolean;
}

/** {@link Duties} on lease rows. In embedded mode the only process leads every task without an election. */
@Injectable()
export class LeasedDuties extends Duties implements OnModuleDestroy {
  readonly #logger = new Logger('duties');
  readonly #running = new Map<string, RunningDuty>();
  /** Runs so far, by duty and outcome. */
  readonly runs = new Map<string, number>();

  constructor(
    private readonly leases: LeaseRepository,
    private readonly config: Config,
  ) {
    super();
  }

  /** Joins the election of each duty. */
  start(duties: readonly Duty[]): void {
    for (const duty of duties) {
      const task = new PeriodicTask({
        name: `leader-elected task ${duty.name}`,
        everyMs: this.#renewalMs,
        run: () => this.#run(running),
        retry: { firstMs: 200, mostMs: this.#renewalMs },
        logger: this.#logger,
        describe: (error) => (error instanceof Error ? (error.stack ?? error.message) : String(error)),
      });
      const running: RunningDuty = { ...duty, task, isLeader: false };
      this.#running.set(duty.name, running);
      task.start();
    }
  }

  wake(name: string): void {
    this.#running.get(name)?.task.wake();
  }

  /** True when this process takes part in elections. A command that only uses the API does not. */
  get isStarted(): boolean {
    return this.#running.size > 0;
  }

  /** Names of the duties that this replica leads. */
  held(): string[] {
    return [...this.#running.values()].filter(({ isLeader }) => isLeader).map(({ name }) => name);
  }

  get #renewalMs(): number {
    return this.config.LEASE_MS / 3;
  }

  async #run(running: RunningDuty): Promise<number> {
    try {
      const isLeader = this.config.mode === 'embedded' || (await this.leases.acquire(running.name));
      if (running.isLeader && !isLeader) running.lost?.();
      running.isLeader = isLeader;
      if (!isLeader) return this.#renewalMs;
      const wait = await running.work(Date.now());
      this.#count(running.name, 'done');
      return Math.min(wait, this.#renewalMs);
    } catch (error) {
      this.#count(running.name, 'failed');
      throw error;
    }
  }

  #count(name: string, outcome: 'done' | 'failed'): void {
    const key = `${name} ${outcome}`;
    this.runs.set(key, (this.runs.get(key) ?? 0) + 1);
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([...this.#running.values()].map((running) => this.#stop(running)));
  }

  async #stop(running: RunningDuty): Promise<void> {
    await running.task.stop();
    if (running.isLeader && this.config.mode === 'distributed') await this.leases.release(running.name).catch(() => undefined);
  }
}
