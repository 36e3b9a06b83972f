import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../config.js';
import { LeaseRepository } from '../database/lease.repository.js';
import { backoff } from '../shared/retry.js';
import { Duties, type Duty } from './duties.js';
import { IDLE } from './idle.js';

interface Running {
  readonly duty: Duty;
  held: boolean;
  failures: number;
  /** Somebody called {@link Duties.wake} since the last round began. */
  again: boolean;
  wake: () => void;
  loop: Promise<void>;
}

/** {@link Duties} on lease rows. In embedded mode there is one process, so every lease is ours without asking. */
@Injectable()
export class LeasedDuties extends Duties implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger('duties');
  readonly #running = new Map<string, Running>();
  readonly #registered = new Map<string, Duty>();
  /** Rounds so far, by duty and outcome. */
  readonly rounds = new Map<string, number>();
  #stopped = false;

  constructor(
    private readonly leases: LeaseRepository,
    private readonly config: Config,
    @Inject(IDLE) private readonly idle: boolean,
  ) {
    super();
  }

  register(name: string, work: Duty['work'], lost: Duty['lost'] = () => undefined): void {
    this.#registered.set(name, { name, work, lost });
  }

  onApplicationBootstrap(): void {
    if (this.idle) return;
    for (const duty of this.#registered.values()) {
      const running: Running = { duty, held: false, failures: 0, again: false, wake: () => undefined, loop: Promise.resolve() };
      this.#running.set(duty.name, running);
      running.loop = this.#run(running);
    }
  }

  wake(name: string): void {
    const running = this.#running.get(name);
    if (!running) return;
    running.again = true;
    running.wake();
  }

  /** Names of the duties that this replica holds. */
  held(): string[] {
    return [...this.#running.values()].filter(({ held }) => held).map(({ duty }) => duty.name);
  }

  async #run(running: Running): Promise<void> {
    while (!this.#stopped) {
      running.again = false;
      const wait = await this.#once(running);
      if (!this.#stopped && !running.again) await this.#sleep(running, wait);
    }
    if (running.held && this.config.mode === 'distributed') await this.leases.release(running.duty.name).catch(() => undefined);
  }

  /** One round; answers the milliseconds until the next. */
  async #once(running: Running): Promise<number> {
    const { duty } = running;
    const renewal = this.config.LEASE_MS / 3;
    try {
      const held = this.config.mode === 'embedded' || (await this.leases.hold(duty.name));
      if (running.held && !held) duty.lost();
      running.held = held;
      if (!held) return renewal;
      const wait = await duty.work(Date.now());
      running.failures = 0;
      this.#count(duty.name, 'done');
      return Math.min(wait, renewal);
    } catch (error) {
      this.#count(duty.name, 'failed');
      const wait = backoff(++running.failures, Math.random(), 200, renewal);
      this.#logger.warn(`${duty.name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}; retrying in ${wait} ms`);
      return wait;
    }
  }

  #count(name: string, outcome: 'done' | 'failed'): void {
    const key = `${name} ${outcome}`;
    this.rounds.set(key, (this.rounds.get(key) ?? 0) + 1);
  }

  #sleep(running: Running, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, ms));
      running.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async onModuleDestroy(): Promise<void> {
    this.#stopped = true;
    for (const { wake } of this.#running.values()) wake();
    await Promise.all([...this.#running.values()].map(({ loop }) => loop));
  }
}
