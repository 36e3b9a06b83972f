import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Consumers } from '../../log/consuming/consumers.service.js';
import { PartitionPauseRepository } from '../../log/consuming/partition-pause.repository.js';
import { IDLE } from '../../runtime/idle.js';

/** How often (ms) a replica looks what people want of its partitions. */
const LOOK_MS = 1_000;

/** Brings what people want of partitions, which are rows, to the consumers of this replica. */
@Injectable()
export class PartitionControl implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger('partitions');
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(
    private readonly consumers: Consumers,
    private readonly holds: PartitionPauseRepository,
    @Inject(IDLE) private readonly idle: boolean,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.idle) this.#timer = setInterval(() => void this.look(), LOOK_MS);
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** Looks now. */
  look(): Promise<void> {
    return (this.#looking ??= this.#look().finally(() => (this.#looking = undefined)));
  }

  async #look(): Promise<void> {
    try {
      const readAt = Date.now();
      const holds = await this.holds.all(readAt);
      for (const server of this.consumers.servers)
        server.follow(
          holds.filter(({ group }) => group === server.group),
          readAt,
        );
    } catch (error) {
      // The database is away: partitions stay as they are, and readiness says why.
      this.#logger.debug(`reading pauses failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
