import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.client.js';
import type { PartitionPause } from './partition-pause.js';
import type { TopicPartition } from '../event-log.js';

interface HoldRow {
  consumer_group: string;
  topic: string;
  partition_no: number;
  kind: PartitionPause['kind'];
  code: PartitionPause['code'];
  why: string;
  held_by: string;
  held_at: number | string;
  until_at: number | string | null;
}

const KEY = ['consumer_group', 'topic', 'partition_no', 'kind'] as const;
const VALUES = ['code', 'why', 'held_by', 'held_at', 'until_at'] as const;

/** Partitions that do not go on: rows, so that they survive restarts and are known to every replica. */
@Injectable()
export class PartitionPauseRepository {
  constructor(private readonly database: Database) {}

  /** Every hold that has not ended by itself. */
  async all(now: number): Promise<PartitionPause[]> {
    const rows = await this.database.query<HoldRow>(
      'SELECT * FROM partition_hold WHERE until_at IS NULL OR until_at > ? ORDER BY consumer_group, topic, partition_no, kind',
      [now],
    );
    return rows.map(holdOf);
  }

  async of(group: string, { topic, partition }: TopicPartition, now: number): Promise<PartitionPause[]> {
    const rows = await this.database.query<HoldRow>(
      'SELECT * FROM partition_hold WHERE consumer_group = ? AND topic = ? AND partition_no = ? AND (until_at IS NULL OR until_at > ?)',
      [group, topic, partition, now],
    );
    return rows.map(holdOf);
  }

  /** Adds holds, or replaces those of the same partition and kind. */
  async put(holds: readonly PartitionPause[]): Promise<void> {
    const rows = holds.map(({ group, topic, partition, kind, code, why, by, at, until }) => [
      group,
      topic,
      partition,
      kind,
      code,
      why.slice(0, 1000),
      by.slice(0, 128),
      at,
      until,
    ]);
    await this.database.transaction(() => this.database.insert('partition_hold', [...KEY, ...VALUES], rows, { key: KEY, update: VALUES }));
  }

  async remove({ group, topic, partition, kind }: Pick<PartitionPause, 'group' | 'topic' | 'partition' | 'kind'>): Promise<void> {
    await this.database.transaction(() =>
      this.database.execute(`DELETE FROM partition_hold WHERE ${KEY.map((name) => `${name} = ?`).join(' AND ')}`, [group, topic, partition, kind]),
    );
  }
}

function holdOf(row: HoldRow): PartitionPause {
  return {
    group: row.consumer_group,
    topic: row.topic,
    partition: row.partition_no,
    kind: row.kind,
    code: row.code,
    why: row.why,
    by: row.held_by,
    at: Number(row.held_at),
    until: row.until_at === null ? null : Number(row.until_at),
  };
}
