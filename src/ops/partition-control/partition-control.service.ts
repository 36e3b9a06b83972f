import { Injectable, Logger } from '@nestjs/common';
import { Consumers } from '../../log/consuming/consumers.service.js';
import { PartitionPauseRepository } from '../../log/consuming/partition-pause.repository.js';
import { Background } from '../../runtime/background.decorator.js';
import { PeriodicTask } from '../../shared/periodic-task.js';

/** Interval (ms) at which a replica reads the pauses of its partitions. */
const POLL_MS = 1_000;

/** Applies stored pauses to the consumers of this replica. */
@Injectable()
export class PartitionControl {
  readonly #logger = new Logger('partitions');
  #looking: Promise<void> | undefined;

  constructor(
    private readonly consumers: Consumers,
    private readonly holds: PartitionPauseRepository,
  ) {}

  /** While the database is unavailable, partitions keep their state, and readiness reports the reason. */
  @Background()
  following(): PeriodicTask {
    const debug = (text: string): void => this.#logger.debug(text);
    return new PeriodicTask({ name: 'reading pauses', everyMs: POLL_MS, run: () => this.#follow(), logger: { warn: debug, log: debug } });
  }

  /** Reads the pauses now; if that fails, the next poll does. */
  async refresh(): Promise<void> {
    await this.#follow().catch(() => undefined);
  }

  #follow(): Promise<void> {
    return (this.#looking ??= this.#look().finally(() => (this.#looking = undefined)));
  }

  async #look(): Promise<void> {
    const readAt = Date.now();
    const holds = await this.holds.all(readAt);
    for (const server of this.consumers.servers)
      server.follow(
        holds.filter(({ group }) => group === server.group),
        readAt,
      );
  }
}
