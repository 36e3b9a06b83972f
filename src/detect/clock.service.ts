import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Config } from '../config.js';
import { EventLog } from '../log/event-log.js';
import { IDLE } from '../runtime/idle.js';
import { topics } from '../topics.js';
import { tickRecord } from './tick.js';
import { StrategyRepository } from './strategy.repository.js';

/** A partition whose state this process holds. */
export interface TimedPartition {
  readonly partition: number;
  /** Rule set in force there. */
  readonly rulesVersion: number;
  /** True when time alone can still change something. */
  readonly waiting: boolean;
}

/**
 * Writes the clock into the log: every TICK_MS a tick for each owned partition that waits for time, and one for every partition when the
 * rules change. A lost tick does no harm, because the next one carries the same version and a later time.
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

  /** Starts to write ticks for the partitions that `owned` returns. */
  start(owned: () => readonly TimedPartition[]): void {
    this.#partitions = owned;
    // The clock of a sandbox is that of its records.
    if (this.idle) return;
    this.#timer = setInterval(() => void this.#tick(), this.config.TICK_MS);
  }

  onApplicationShutdown(): void {
    clearInterval(this.#timer);
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
      this.#logger.warn(`the new rules take effect with the next ticks: ${error instanceof Error ? error.message : String(error)}`);
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
      this.#logger.warn(`cannot write ticks: ${error instanceof Error ? error.message : String(error)}`);
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
