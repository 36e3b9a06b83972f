import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config.js';
import { EventLog } from '../log/event-log.js';
import { Background } from '../runtime/background.decorator.js';
import { PeriodicTask } from '../shared/periodic-task.js';
import { topics } from '../topics.js';
import { tickRecord } from './tick.js';
import { StrategyRepository } from './strategy.repository.js';
import { messageOf } from '../shared/error-message.js';

/** A partition that this process owns. */
export interface TimedPartition {
  readonly partition: number;
  /** Rule set in force there. */
  readonly rulesVersion: number;
  /** True when time alone can still change something. */
  readonly waiting: boolean;
}

/**
 * Publishes ticks: every TICK_MS one for each owned partition that waits for time, and one for every partition when the rules change.
 * A lost tick does no harm, because the next one carries the same version and a later time.
 */
@Injectable()
export class Clock {
  readonly #logger = new Logger('clock');
  #partitions: () => readonly TimedPartition[] = () => [];

  constructor(
    private readonly eventLog: EventLog,
    private readonly strategies: StrategyRepository,
    private readonly config: Config,
  ) {}

  /** Ticks are written for the partitions that `owned` returns. */
  start(owned: () => readonly TimedPartition[]): void {
    this.#partitions = owned;
  }

  /** A process without background work, such as a sandbox, has only the time of its records. */
  @Background()
  ticking(): PeriodicTask {
    const { TICK_MS: everyMs } = this.config;
    return new PeriodicTask({ name: 'publishing ticks', everyMs, firstDelayMs: everyMs, run: () => this.#tick(), logger: this.#logger });
  }

  /** Writes a tick with the new version into every partition. When that fails, the owners of the partitions do it with their next ticks. */
  async announce(): Promise<void> {
    try {
      const version = await this.strategies.rulesVersion();
      const count = await this.eventLog.partitions(topics.rawEvents.name);
      await this.#publish(
        Array.from({ length: count }, (_, partition) => partition),
        version,
      );
    } catch (error) {
      this.#logger.warn(`the new rules take effect with the next ticks: ${messageOf(error)}`);
    }
  }

  async #tick(): Promise<void> {
    const owned = this.#partitions();
    if (owned.length === 0) return;
    const version = await this.strategies.rulesVersion();
    const due = owned.filter(({ waiting, rulesVersion }) => waiting || rulesVersion < version);
    if (due.length > 0)
      await this.#publish(
        due.map(({ partition }) => partition),
        version,
      );
  }

  async #publish(partitions: readonly number[], version: number): Promise<void> {
    const value = this.eventLog.serializer.wrap(topics.rawEvents.name, tickRecord(version, Date.now()));
    await this.eventLog.publish(
      topics.rawEvents.name,
      partitions.map((partition) => ({ key: null, value, partition })),
    );
  }
}
