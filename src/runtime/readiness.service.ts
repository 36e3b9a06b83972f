import { Injectable } from '@nestjs/common';
import { type HealthIndicatorFunction, HealthIndicatorService } from '@nestjs/terminus';
import { Database } from '../database/database.client.js';
import { Consumers } from '../log/consuming/consumers.service.js';
import type { PartitionPause } from '../log/consuming/partition-pause.js';
import { EventLog } from '../log/event-log.js';
import { within } from '../shared/wait.js';
import { LagWatch } from './lag-watch.service.js';
import { backlog } from './lag.js';
import type { ReadinessState } from './readiness-detail.decorator.js';
import { messageOf } from '../shared/error-message.js';

/** Checks what must work before the process receives traffic. Lag is reported as degraded, not unready: a replica that falls behind skips nothing. */
@Injectable()
export class Readiness {
  readonly #details = new Map<string, () => ReadinessState | undefined>();

  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly database: Database,
    private readonly eventLog: EventLog,
    private readonly consumers: Consumers,
    private readonly lags: LagWatch,
  ) {}

  /** Adds a detail that never makes the process unready; undefined is omitted. */
  show(name: string, look: () => ReadinessState | undefined): void {
    this.#details.set(name, look);
  }

  checks(): HealthIndicatorFunction[] {
    return [
      () => this.#reachable('database', this.database),
      () => this.#reachable('log', this.eventLog),
      () => this.#assignment(),
      () => this.#lag(),
      ...[...this.#details].flatMap(([name, look]) => {
        const state = look();
        return state ? [() => this.indicators.check(name).up({ ...state })] : [];
      }),
    ];
  }

  async #reachable(name: string, what: { ping(): Promise<void> }) {
    const indicator = this.indicators.check(name);
    try {
      await within(2000, what.ping());
      return indicator.up();
    } catch (error) {
      return indicator.down({ reason: messageOf(error) });
    }
  }

  #assignment() {
    const indicator = this.indicators.check('assignment');
    const states = this.consumers.states();
    const detail = Object.fromEntries(
      states.map(({ group, status, assigned, paused, rebalance, pauses }) => [
        group,
        {
          status,
          assigned: assigned.length,
          paused: paused.length,
          ...(rebalance && { reassigned: rebalance }),
          ...(pauses && { degraded: true, held: pauses.map(words) }),
        },
      ]),
    );
    const problems = states.flatMap(({ group, status, problem }) =>
      (status !== 'running' && status !== 'rebalancing') || problem ? [`${group}: ${problem ?? status}`] : [],
    );
    return problems.length > 0 ? indicator.down({ reason: problems.join('; '), ...detail }) : indicator.up(detail);
  }

  #lag() {
    const total = this.lags.positions.reduce((sum, position) => sum + (backlog(position) ?? 0), 0);
    const congested = this.lags.congestion
      .filter((each) => each.congested)
      .map(({ group, topic, lag, threshold, since }) => ({ group, topic, lag, threshold, seconds: Math.round((Date.now() - since) / 1000) }));
    return this.indicators.check('lag').up({ total, degraded: congested.length > 0, ...(congested.length > 0 && { congested }) });
  }
}

/** Describes a partition that an operator has paused. */
const words = ({ topic, partition, by, why, at }: PartitionPause): string =>
  `${topic}/${partition} paused by ${by} since ${new Date(at).toISOString()}${why && `: ${why}`}`;
