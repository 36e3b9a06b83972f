import { Injectable, Logger } from '@nestjs/common';
import { Consumers } from '../../log/consuming/consumers.service.js';
import { PartitionPauseRepository } from '../../log/consuming/partition-pause.repository.js';
import { Background } from '../../runtime/background.decorator.js';
import { PeriodicTask } from '../../shared/periodic-task.js';

/** How often (ms) a replica looks what people want of its partitions. */
const POLL_MS = 1_000;

/** Brings what people want of partitions, which are rows, to the consumers of this replica. */
@Injectable()
export class PartitionControl {
  readonly #logger = new Logger('partitions');
  #looking: Promise<void> | undefined;

  constructor(
    private readonly consumers: Consumers,
    private readonly holds: PartitionPauseRepository,
  ) {}

  /** While the database is away partitions stay as they are, and readiness says why. */
  @Background()
  following(): PeriodicTask {
    const debug = (text: string): void => this.#logger.debug(text);
    return new PeriodicTask({ name: 'reading pauses', everyMs: POLL_MS, run: () => this.#follow(), logger: { warn: debug, log: debug } });
  }

  /** Looks now, if the database answers; otherwise the next look does it. */
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
