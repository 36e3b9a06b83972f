import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Discovery } from '../shared/discovery.service.js';
import type { PeriodicTask } from '../shared/periodic-task.js';
import { settlesWithin } from '../shared/wait.js';
import { backgroundTask } from './background.decorator.js';
import { leadershipLost, leaderTask } from './leader-task.decorator.js';
import { type Duty, LeasedDuties } from './leased-duties.service.js';

/** Longest wait (ms) at a stop for runs that are under way: partitions and leases are released only afterwards. */
const STOP_MS = 500;

/** Starts the background work: leader-elected tasks and periodic tasks, wherever they are declared. */
@Injectable()
export class BackgroundRunner implements OnApplicationBootstrap, OnModuleDestroy {
  #tasks: readonly PeriodicTask[] = [];

  constructor(
    private readonly discovery: Discovery,
    private readonly duties: LeasedDuties,
  ) {}

  onApplicationBootstrap(): void {
    this.duties.start(this.#duties());
    this.#tasks = this.discovery.methods(backgroundTask).flatMap(({ call }) => call() ?? []);
    for (const task of this.#tasks) task.start();
  }

  async onModuleDestroy(): Promise<void> {
    const ended = Promise.all(this.#tasks.map((task) => task.stop()));
    await settlesWithin(STOP_MS, ended);
  }

  /** Throws when two tasks have the same name, or when a LeadershipLost handler names a task that no provider declares. */
  #duties(): Duty[] {
    const tasks = this.discovery.named(leaderTask, (name) => name);
    const ends = this.discovery.named(leadershipLost, (name) => name);
    for (const [name, { where }] of ends)
      if (!tasks.has(name)) throw new Error(`${where} follows the leader-elected task "${name}", which no provider declares`);
    return [...tasks].map(([name, { call }]) => ({ name, work: call, lost: ends.get(name)?.call }));
  }
}
