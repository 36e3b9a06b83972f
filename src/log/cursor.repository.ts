import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { Database } from '../database/database.client.js';
import type { TopicPartition } from './event-log.js';
import { FencedError } from './fenced-error.js';

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

const WHERE = 'consumer_group = ? AND topic = ? AND partition_no = ?';

@Injectable()
export class CursorRepository {
  constructor(
    private readonly database: Database,
    private readonly config: Config,
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
    if (!row) throw new FencedError('cursor row was deleted');
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
    if (moved !== 1) throw new FencedError(`epoch ${epoch} of ${topic}/${partition} has ended`);
  }

  /**
   * The fence: moves the cursor from `from` to `to` inside the current transaction. Throws {@link FencedError} when it is not there any more.
   * Without a memory there is no older record that anybody still needs.
   */
  async advance(claim: TopicPartition & { group: string; epoch: number }, from: number, to: number, now: number, memory: boolean): Promise<void> {
    const { group, topic, partition, epoch } = claim;
    const moved = await this.database.execute(
      `UPDATE stream_cursor SET next_offset = ?, state_offset = ${memory ? 'state_offset' : '?'}, updated_at = ? WHERE ${WHERE} AND epoch = ? AND next_offset = ?`,
      [to, ...(memory ? [] : [to]), now, group, topic, partition, epoch, from],
    );
    if (moved !== 1) throw new FencedError(`epoch ${epoch} at offset ${from} of ${topic}/${partition} has ended`);
  }

  /** Inside the current transaction: the stored state now reflects everything below `offset`. */
  async moveState(group: string, { topic, partition }: TopicPartition, epoch: number, offset: number): Promise<void> {
    await this.database.execute(`UPDATE stream_cursor SET state_offset = ? WHERE ${WHERE} AND epoch = ?`, [offset, group, topic, partition, epoch]);
  }

  async read(group: string, { topic, partition }: TopicPartition): Promise<Cursor | undefined> {
    const [row] = await this.database.query<CursorRow>(`SELECT * FROM stream_cursor WHERE ${WHERE}`, [group, topic, partition]);
    return row && { nextOffset: Number(row.next_offset), stateOffset: Number(row.state_offset), epoch: Number(row.epoch) };
  }

  /** The owner lets go: whoever comes next need not wait until it counts as silent. */
  async release(group: string, { topic, partition }: TopicPartition, epoch: number, now: number): Promise<void> {
    await this.database.transaction(() =>
      this.database.execute(`UPDATE stream_cursor SET owner = '', updated_at = ? WHERE ${WHERE} AND epoch = ?`, [
        now,
        group,
        topic,
        partition,
        epoch,
      ]),
    );
  }

  /** Lets go of every partition of a group whose owner is not among the living; those that wake up all the same lose at their next commit. */
  async releaseDead(group: string, living: readonly string[]): Promise<void> {
    const marks = living.map(() => '?').join(', ');
    await this.database.transaction(() =>
      this.database.execute(`UPDATE stream_cursor SET owner = '' WHERE consumer_group = ? AND owner NOT IN ('', ${marks})`, [group, ...living]),
    );
  }

  /** Forgets how far a group is, inside the current transaction: it begins anew. */
  async forget(group: string): Promise<void> {
    await this.database.execute('DELETE FROM stream_cursor WHERE consumer_group = ?', [group]);
  }

  /** The cursors of one group. */
  async of(group: string): Promise<({ owner: string; updatedAt: number } & TopicPartition & Cursor)[]> {
    return (await this.all()).filter((cursor) => cursor.group === group);
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

  /**
   * Moves a cursor by the decision of people, and gives the partition to nobody: whoever has it is fenced off, and the next claim goes on from
   * here. False when the cursor is not at `epoch` any more; `epoch` 0 is that of a cursor that does not exist yet.
   */
  relocate(group: string, { topic, partition }: TopicPartition, to: Omit<Cursor, 'epoch'>, epoch: number, now: number): Promise<boolean> {
    const key = [group, topic, partition];
    return this.database.transaction(async () => {
      if (epoch === 0) {
        await this.database.insert(
          'stream_cursor',
          ['consumer_group', 'topic', 'partition_no', 'next_offset', 'state_offset', 'epoch', 'generation', 'owner', 'updated_at'],
          [[...key, to.nextOffset, to.stateOffset, 0, 0, '', now]],
          { key: ['consumer_group', 'topic', 'partition_no'], update: [] },
        );
      }
      const moved = await this.database.execute(
        `UPDATE stream_cursor SET next_offset = ?, state_offset = ?, epoch = epoch + 1, generation = 0, owner = '', updated_at = ? WHERE ${WHERE} AND epoch = ?`,
        [to.nextOffset, to.stateOffset, now, ...key, epoch],
      );
      return moved === 1;
    });
  }
}
