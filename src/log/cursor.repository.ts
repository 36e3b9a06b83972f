import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config.js';
import { Database } from '../database/database.js';
import type { TopicPartition } from './log.js';

/** Where a consumer group is in a partition, and who owns it. The truth; what Kafka knows as committed only follows. */
export interface Cursor {
  /** Everything below has taken effect. */
  readonly nextOffset: number;
  /** Everything below is reflected in the stored state of a stateful stage. */
  readonly stateOffset: number;
  /** +1 with every claim. */
  readonly epoch: number;
}

interface CursorRow {
  next_offset: number | string;
  state_offset: number | string;
  epoch: number | string;
  generation: number | string;
  owner: string;
  updated_at: number | string;
}

/** Someone else owns the partition by now, or has moved the cursor: forget everything and stop. */
export class FencedError extends Error {
  constructor(detail: string) {
    super(`lost the partition: ${detail}`);
    this.name = 'FencedError';
  }
}

const WHERE = 'consumer_group = ? AND topic = ? AND partition_no = ?';

@Injectable()
export class CursorRepository {
  constructor(
    private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Takes ownership of a partition for the generation of the group. Answers undefined when an owner of a younger generation holds it.
   * A partition without a cursor starts at `start`.
   */
  claim(group: string, { topic, partition }: TopicPartition, generation: number, start: number, now: number): Promise<Cursor | undefined> {
    const key = [group, topic, partition];
    return this.database.transaction(async () => {
      await this.database.insert(
        'stream_cursor',
        ['consumer_group', 'topic', 'partition_no', 'next_offset', 'state_offset', 'epoch', 'generation', 'owner', 'updated_at'],
        [[...key, start, start, 0, generation, '', now]],
        { key: ['consumer_group', 'topic', 'partition_no'], update: [] },
      );
      const row = await this.#lock(key);
      if (!this.#claimable(row, generation, now)) return undefined;
      const epoch = Number(row.epoch) + 1;
      await this.database.execute(`UPDATE stream_cursor SET epoch = ?, generation = ?, owner = ?, updated_at = ? WHERE ${WHERE}`, [
        epoch,
        generation,
        this.config.INSTANCE_ID,
        now,
        ...key,
      ]);
      return { nextOffset: Number(row.next_offset), stateOffset: Number(row.state_offset), epoch };
    });
  }

  async #lock(key: unknown[]): Promise<CursorRow> {
    const [row] = await this.database.query<CursorRow>(`SELECT * FROM stream_cursor WHERE ${WHERE}${this.database.dialect.forUpdate}`, key);
    if (!row) throw new FencedError('the cursor row is gone');
    return row;
  }

  /** A late claim of an older generation must not steal; unless the holder is silent for long (the group's generations may have started anew). */
  #claimable(row: CursorRow, generation: number, now: number): boolean {
    const stored = Number(row.generation);
    if (row.owner === '' || stored < generation || (stored === generation && row.owner === this.config.INSTANCE_ID)) return true;
    return now - Number(row.updated_at) > 2 * this.config.KAFKA_SESSION_TIMEOUT_MS;
  }

  /** Notes that the owner keeps the partition into another generation. Throws {@link FencedError} when it does not own it any more. */
  async renew(group: string, { topic, partition }: TopicPartition, epoch: number, generation: number, now: number): Promise<void> {
    const moved = await this.database.transaction(() =>
      this.database.execute(`UPDATE stream_cursor SET generation = ?, updated_at = ? WHERE ${WHERE} AND epoch = ? AND generation <= ?`, [
        generation,
        now,
        group,
        topic,
        partition,
        epoch,
        generation,
      ]),
    );
    if (moved !== 1) throw new FencedError(`epoch ${epoch} of ${topic}/${partition} is over`);
  }

  /** The fence: moves the cursor from `from` to `to` inside the current transaction. Throws {@link FencedError} when it is not there any more. */
  async advance(group: string, { topic, partition }: TopicPartition, epoch: number, from: number, to: number, now: number): Promise<void> {
    const moved = await this.database.execute(
      `UPDATE stream_cursor SET next_offset = ?, updated_at = ? WHERE ${WHERE} AND epoch = ? AND next_offset = ?`,
      [to, now, group, topic, partition, epoch, from],
    );
    if (moved !== 1) throw new FencedError(`epoch ${epoch} at offset ${from} of ${topic}/${partition} is over`);
  }

  /** Inside the current transaction: the stored state now reflects everything below `offset`. */
  async moveState(group: string, { topic, partition }: TopicPartition, epoch: number, offset: number): Promise<void> {
    await this.database.execute(`UPDATE stream_cursor SET state_offset = ? WHERE ${WHERE} AND epoch = ?`, [offset, group, topic, partition, epoch]);
  }

  async read(group: string, { topic, partition }: TopicPartition): Promise<Cursor | undefined> {
    const [row] = await this.database.query<CursorRow>(`SELECT * FROM stream_cursor WHERE ${WHERE}`, [group, topic, partition]);
    return row && { nextOffset: Number(row.next_offset), stateOffset: Number(row.state_offset), epoch: Number(row.epoch) };
  }

  /** Every cursor: what is where, for lag and for the tools. */
  async all(): Promise<({ group: string; owner: string; updatedAt: number } & TopicPartition & Cursor)[]> {
    const rows = await this.database.query<CursorRow & { consumer_group: string; topic: string; partition_no: number }>(
      'SELECT * FROM stream_cursor ORDER BY consumer_group, topic, partition_no',
    );
    return rows.map((row) => ({
      group: row.consumer_group,
      topic: row.topic,
      partition: row.partition_no,
      owner: row.owner,
      updatedAt: Number(row.updated_at),
      nextOffset: Number(row.next_offset),
      stateOffset: Number(row.state_offset),
      epoch: Number(row.epoch),
    }));
  }

  /** Appends a row to the audit table, in a transaction of its own unless there is one. */
  async audit(action: string, object: string, detail: string, now: number): Promise<void> {
    await this.database.transaction(() =>
      this.database.insert('audit', ['at', 'actor', 'action', 'object', 'detail'], [[now, this.config.INSTANCE_ID, action, object, detail]]),
    );
  }
}
