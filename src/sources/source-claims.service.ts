import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import { CursorRepository } from '../log/cursor.repository.js';
import type { Cursor } from '../log/cursor-table.js';
import type { TopicPartition } from '../log/event-log.js';
import { cursorGroup, type KafkaSource } from '../access/registry/source.js';
import { SourceRepository } from '../access/registry/source.repository.js';

/** Which replica consumes a partition of a source, and how far it is. */
@Injectable()
export class SourceClaims {
  constructor(
    private readonly database: Database,
    private readonly sources: SourceRepository,
    readonly cursors: CursorRepository,
  ) {}

  /** Acquires the cursor of a partition, which starts at `start` when it has none; the source cannot be removed meanwhile. In words why not. */
  claim({ id, name }: KafkaSource, at: TopicPartition, generation: number, start: number): Promise<Cursor | string> {
    return this.database.transaction(async () => {
      if (!(await this.sources.lock(id))) return `source ${name} was removed`;
      const cursor = await this.cursors.claim(cursorGroup(name), at, generation, start, Date.now());
      return cursor ?? `another replica owns ${at.topic}/${at.partition}`;
    });
  }

  /** Moves the cursor of a claim. Throws FencedError when another replica has the partition. */
  advance(source: string, claim: TopicPartition & { readonly epoch: number }, from: number, to: number): Promise<void> {
    const { topic, partition, epoch } = claim;
    const group = cursorGroup(source);
    return this.database.transaction(() => this.cursors.advance({ group, topic, partition, epoch }, from, to, Date.now(), false));
  }
}
