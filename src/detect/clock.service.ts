import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Config } from '../config.js';
import { EventLog } from '../log/event-log.js';
import { IDLE } from '../runtime/idle.js';
import { topics } from '../topics.js';
import { tickRecord } from './tick.js';
import { StrategyRepository } from './strategy.repository.js';

/** A partition whose memory this process holds. */
export interface TimedPartition {
  readonly partition: number;
  /** Rule set in force there. */
  readonly rulesVersion: number;
  /** True when time alone can still change something. */
  readonly waiting: boolean;
}

/**
 * Writes the clock into the log: a tick for each partition of ours that waits for time, every TICK_MS, and one for every partition when the
 * rules change. Ticks are lost without harm; the next one says the same and more.
 */
@Injectable()
export class Clock implements OnApplicationShutdown {
  readonly #logger = new Logger('clock');
  #timer: NodeJS.Timeout | undefined;
  #ticking = false;
  #partitions: () => readonly TimedPartition[] = () => [];

  constructor(
    private readonly eventLog: EventLog,
    private readonly strategies: StrategyRepository,
    private readonly config: Config,
    @Inject(IDLE) private readonly idle: boolean,
  ) {}

  /** Begins to tick for the partitions that `owned` answers. */
  start(owned: () => readonly TimedPartition[]): void {
    this.#partitions = owned;
    // A sandbox has the time of its records, and no other.
    if (this.idle) return;
    this.#timer = setInterval(() => void this.#tick(), this.config.TICK_MS);
  }

  onApplicationShutdown(): void {
    clearInterval(this.#timer);
  }

  /** Tells every partition that the rules have changed. When the log does not answer, the owners will tell theirs. */
  async announce(): Promise<void> {
    try {
      const version = await this.strategies.rulesVersion();
      const count = await this.eventLog.partitions(topics.rawEvents.name);
      await this.#publish(
        Array.from({ length: count }, (_, partition) => partition),
        version,
      );
    } catch (error) {
      this.#logger.warn(`rules change is told later: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async #tick(): Promise<void> {
    if (this.#ticking) return;
    this.#ticking = true;
    try {
      const owned = this.#partitions();
      if (owned.length === 0) return;
      const version = await this.strategies.rulesVersion();
      const due = owned.filter(({ waiting, rulesVersion }) => waiting || rulesVersion < version);
      if (due.length > 0)
        await this.#publish(
          due.map(({ partition }) => partition),
          version,
        );
    } catch (error) {
      this.#logger.warn(`no tick: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      this.#ticking = false;
    }
  }

  async #publish(partitions: readonly number[], version: number): Promise<void> {
    const value = this.eventLog.serializer.wrap(topics.rawEvents.name, tickRecord(version, Date.now()));
    await this.eventLog.publish(
      topics.rawEvents.name,
      partitions.map((partition) => ({ key: null, value, partition })),
    );
  }
}
