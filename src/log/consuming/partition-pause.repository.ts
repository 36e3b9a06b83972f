import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.client.js';
import type { PartitionPause } from './partition-pause.js';
import { partitionPauseTable } from './partition-pause-table.js';
import type { TopicPartition } from '../event-log.js';

const { name: TABLE, selection, parse, upsert } = partitionPauseTable;

/** Pauses and halts of partitions: rows, so that they survive restarts and every replica sees them. */
@Injectable()
export class PartitionPauseRepository {
  constructor(private readonly database: Database) {}

  /** Every pause that has not expired. */
  async all(now: number): Promise<PartitionPause[]> {
    const rows = await this.database.query(
      `SELECT ${selection} FROM ${TABLE} WHERE until_at IS NULL OR until_at > ? ORDER BY consumer_group, topic, partition_no, kind`,
      [now],
    );
    return rows.map(parse);
  }

  async of(group: string, { topic, partition }: TopicPartition, now: number): Promise<PartitionPause[]> {
    const rows = await this.database.query(
      `SELECT ${selection} FROM ${TABLE} WHERE consumer_group = ? AND topic = ? AND partition_no = ? AND (until_at IS NULL OR until_at > ?)`,
      [group, topic, partition, now],
    );
    return rows.map(parse);
  }

  /** Adds pauses, or replaces those of the same partition and kind. */
  async put(pauses: readonly PartitionPause[]): Promise<void> {
    await this.database.transaction(() => this.database.insertAll(partitionPauseTable, pauses, upsert));
  }

  async remove({ group, topic, partition, kind }: Pick<PartitionPause, 'group' | 'topic' | 'partition' | 'kind'>): Promise<void> {
    await this.database.transaction(() =>
      this.database.execute(`DELETE FROM ${TABLE} WHERE consumer_group = ? AND topic = ? AND partition_no = ? AND kind = ?`, [
        group,
        topic,
        partition,
        kind,
      ]),
    );
  }
}
