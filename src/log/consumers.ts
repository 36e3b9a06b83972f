import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config.js';
import { ConsumerWatch } from './consumer-watch.js';
import { CursorRepository } from './cursor.repository.js';
import type { ConsumerState } from './log.js';
import { Log } from './log.js';
import { LogServer } from './log-server.js';

export interface PartitionLag {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** What the cursor says: everything below has taken effect. */
  readonly current: number;
  readonly end: number;
  readonly lag: number;
  readonly owner: string;
}

/** The consumers of this process, and how far every group is. */
@Injectable()
export class Consumers {
  readonly #servers: LogServer[] = [];

  constructor(
    private readonly log: Log,
    private readonly cursors: CursorRepository,
    private readonly watch: ConsumerWatch,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** The transport of a consumer group, to be given to `connectMicroservice`. */
  server(group: string): LogServer {
    const server = new LogServer(group, this.log, this.cursors, this.config, this.watch);
    this.#servers.push(server);
    return server;
  }

  states(): ConsumerState[] {
    return this.#servers.flatMap((server) => server.state() ?? []);
  }

  find(group: string): LogServer | undefined {
    return this.#servers.find((server) => server.group === group);
  }

  /** Lag of every group and partition that has a cursor: end of the log minus cursor. */
  async lag(): Promise<PartitionLag[]> {
    const cursors = await this.cursors.all();
    const ends = new Map<string, number>();
    for (const topic of new Set(cursors.map((cursor) => cursor.topic))) {
      for (const { partition, high } of await this.log.offsets(topic)) ends.set(`${topic}/${partition}`, high);
    }
    return cursors.map(({ group, topic, partition, nextOffset, owner }) => {
      const end = ends.get(`${topic}/${partition}`) ?? nextOffset;
      return { group, topic, partition, current: nextOffset, end, lag: Math.max(0, end - nextOffset), owner };
    });
  }
}
