import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import { bytes } from '../database/sqlite.js';
import type { TopicPartition } from '../log/event-log.js';

export interface CheckpointBlock {
  readonly id: string;
  readonly bytes: Buffer;
}

/** A statement must stay below the server's packet limit (16 MiB by default on MariaDB). */
const STATEMENT_BYTES = 4 * 1024 * 1024;

/** The checkpoints of Detect: packed blocks by partition. */
@Injectable()
export class CheckpointRepository {
  constructor(private readonly database: Database) {}

  /** Reads outside the current transaction, so that it does not begin while its owner still waits for the rules; the claim fences older owners. */
  async load({ topic, partition }: TopicPartition): Promise<CheckpointBlock[]> {
    const rows = await this.database.detached(() =>
      this.database.query<{ block: string; content: unknown }>('SELECT block, content FROM detect_checkpoint WHERE topic = ? AND partition_no = ?', [
        topic,
        partition,
      ]),
    );
    return rows.map(({ block, content }) => ({ id: block, bytes: bytes(content) ?? Buffer.alloc(0) }));
  }

  /** Inside the current transaction: deletes all blocks of the partition. */
  async clear({ topic, partition }: TopicPartition): Promise<void> {
    await this.database.execute('DELETE FROM detect_checkpoint WHERE topic = ? AND partition_no = ?', [topic, partition]);
  }

  /** Inside the current transaction: replaces changed blocks and deletes removed ones. */
  async save({ topic, partition }: TopicPartition, changed: readonly CheckpointBlock[], removed: readonly string[]): Promise<void> {
    for (let start = 0; start < removed.length; start += 500) {
      const some = removed.slice(start, start + 500);
      await this.database.execute(
        `DELETE FROM detect_checkpoint WHERE topic = ? AND partition_no = ? AND block IN (${some.map(() => '?').join(', ')})`,
        [topic, partition, ...some],
      );
    }
    for (const group of grouped(changed)) {
      await this.database.insert(
        'detect_checkpoint',
        ['topic', 'partition_no', 'block', 'content'],
        group.map((block) => [topic, partition, block.id, block.bytes]),
        { key: ['topic', 'partition_no', 'block'], update: ['content'] },
      );
    }
  }
}

function grouped(blocks: readonly CheckpointBlock[]): CheckpointBlock[][] {
  const groups: CheckpointBlock[][] = [];
  let size = Infinity;
  for (const block of blocks) {
    if (size + block.bytes.length > STATEMENT_BYTES) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)!.push(block);
    size += block.bytes.length;
  }
  return groups;
}
