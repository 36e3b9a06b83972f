import { Inject, Injectable } from '@nestjs/common';
import { type HealthIndicatorFunction, HealthIndicatorService } from '@nestjs/terminus';
import { CONFIG, type Config } from '../config.js';
import { Database } from '../database/database.js';
import { Consumers } from '../log/consumers.js';
import { ConsumerWatch } from '../log/consumer-watch.js';
import { Log } from '../log/log.js';

/** What has to work before traffic makes sense. Lag is shown as degraded, not dead: falling behind never skips. */
@Injectable()
export class Readiness {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly database: Database,
    private readonly log: Log,
    private readonly consumers: Consumers,
    @Inject(CONFIG) private readonly config: Config,
    private readonly watch: ConsumerWatch,
  ) {}

  checks(): HealthIndicatorFunction[] {
    return [() => this.#reachable('database', this.database), () => this.#reachable('log', this.log), () => this.#assignment(), () => this.#lag()];
  }

  async #reachable(name: string, what: { ping(): Promise<void> }) {
    const indicator = this.indicators.check(name);
    try {
      await within(2000, what.ping());
      return indicator.up();
    } catch (error) {
      return indicator.down({ reason: error instanceof Error ? error.message : String(error) });
    }
  }

  #assignment() {
    const indicator = this.indicators.check('assignment');
    const states = this.consumers.states();
    const detail = Object.fromEntries(
      states.map(({ group, status, assigned, paused }) => [group, { status, assigned: assigned.length, paused: paused.length }]),
    );
    const problems = states.flatMap(({ group, status, problem }) => (status !== 'running' || problem ? [`${group}: ${problem ?? status}`] : []));
    return problems.length > 0 ? indicator.down({ reason: problems.join('; '), ...detail }) : indicator.up(detail);
  }

  #lag() {
    const indicator = this.indicators.check('lag');
    const lags = [...this.watch.progress.values()].map(({ group, position, highWatermark }) => ({
      group,
      lag: Math.max(0, highWatermark - position),
    }));
    const total = lags.reduce((sum, { lag }) => sum + lag, 0);
    return indicator.up({ total, degraded: total > this.config.LAG_THRESHOLD });
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms)));
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
