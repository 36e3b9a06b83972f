import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import { CursorRepository } from '../log/cursor.repository.js';
import type { Cursor } from '../log/cursor-table.js';
import type { TopicPartition } from '../log/event-log.js';
import { cursorGroup, type KafkaSource } from '../access/registry/source.js';
import { SourceRepository } from '../access/registry/source.repository.js';

/** Claims: the replica that consumes a partition of a source, and its position. */
@Injectable()
export class SourceClaims {
  constructor(
    private readonly database: Database,
    private readonly sources: SourceRepository,
    readonly cursors: CursorRepository,
  ) {}

  /** Acquires the cursor of a partition, at `start` if it is new; the source is locked against removal. Resolves to a message when it cannot. */
  claim({ id, name }: KafkaSource, at: TopicPartition, generation: number, start: number): Promise<Cursor | string> {
    return this.database.transaction(async () => {
      if (!(await this.sources.lock(id))) return `source ${name} was removed`;
      const cursor = await this.cursors.claim(cursorGroup(name), at, generation, start, Date.now());
      return cursor ?? `another replica owns ${at.topic}/${at.partition}`;
    });
  }

  /** Advances the cursor of a claim. Throws FencedError when another replica owns the partition. */
  advance(source: string, claim: TopicPartition & { readonly epoch: number }, from: number, to: number): Promise<void> {
    const { topic, partition, epoch } = claim;
    const group = cursorGroup(source);
    return this.database.transaction(() => this.cursors.advance({ group, topic, partition, epoch }, from, to, Date.now(), false));
  }
}
