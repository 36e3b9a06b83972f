import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { Database } from '../database/database.client.js';
import { type Cursor, cursorTable, type StoredCursor } from './cursor-table.js';
import type { TopicPartition } from './event-log.js';
import { FencedError } from './fenced-error.js';

const { name: TABLE, parse, selection } = cursorTable;
const WHERE = 'consumer_group = ? AND topic = ? AND partition_no = ?';
/** Inserts a missing cursor and leaves an existing one unchanged. */
const ifMissing = { key: cursorTable.primaryKey, update: [] };

@Injectable()
export class CursorRepository {
  constructor(
    private readonly database: Database,
    private readonly config: Config,
  ) {}

  /**
   * Acquires a partition for the generation of the group. Returns undefined when an owner of a later generation has it.
   * A partition without a cursor starts at `start`.
   */
  claim(group: string, { topic, partition }: TopicPartition, generation: number, start: number, now: number): Promise<Cursor | undefined> {
    const key = [group, topic, partition];
    return this.database.transaction(async () => {
      const unclaimed = { group, topic, partition, nextOffset: start, stateOffset: start, epoch: 0, generation, owner: '', updatedAt: now };
      await this.database.insertAll(cursorTable, [unclaimed], ifMissing);
      const row = await this.#lock(key);
      if (!this.#claimable(row, generation, now)) return undefined;
      const epoch = row.epoch + 1;
      await this.database.execute(`UPDATE ${TABLE} SET epoch = ?, generation = ?, owner = ?, updated_at = ? WHERE ${WHERE}`, [
        epoch,
        generation,
        this.config.INSTANCE_ID,
        now,
        ...key,
      ]);
      return { nextOffset: row.nextOffset, stateOffset: row.stateOffset, epoch };
    });
  }

  async #lock(key: unknown[]): Promise<StoredCursor> {
    const [row] = await this.database.query(`SELECT ${selection} FROM ${TABLE} WHERE ${WHERE}${this.database.dialect.forUpdate}`, key);
    if (!row) throw new FencedError('cursor row was deleted');
    return parse(row);
  }

  /** A late claim of an older generation must fail, unless the owner has timed out (generations may have restarted with a recreated group). */
  #claimable(row: StoredCursor, generation: number, now: number): boolean {
    const stored = row.generation;
    if (row.owner === '' || stored < generation || (stored === generation && row.owner === this.config.INSTANCE_ID)) return true;
    return now - row.updatedAt > 2 * this.config.KAFKA_SESSION_TIMEOUT_MS;
  }

  /** Extends the claim of the owner to a new generation. Throws {@link FencedError} when another replica owns the partition. */
  async renew(group: string, { topic, partition }: TopicPartition, epoch: number, generation: number, now: number): Promise<void> {
    const moved = await this.database.transaction(() =>
      this.database.execute(`UPDATE ${TABLE} SET generation = ?, updated_at = ? WHERE ${WHERE} AND epoch = ? AND generation <= ?`, [
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
   * The fence: moves the cursor from `from` to `to` inside the current transaction. Throws {@link FencedError} when it has moved.
   * A stage without in-memory state needs no older records, so its state offset moves too.
   */
  async advance(claim: TopicPartition & { group: string; epoch: number }, from: number, to: number, now: number, memory: boolean): Promise<void> {
    const { group, topic, partition, epoch } = claim;
    const moved = await this.database.execute(
      `UPDATE ${TABLE} SET next_offset = ?, state_offset = ${memory ? 'state_offset' : '?'}, updated_at = ? WHERE ${WHERE} AND epoch = ? AND next_offset = ?`,
      [to, ...(memory ? [] : [to]), now, group, topic, partition, epoch, from],
    );
    if (moved !== 1) throw new FencedError(`epoch ${epoch} at offset ${from} of ${topic}/${partition} has ended`);
  }

  /** Sets the state offset inside the current transaction: the stored state now reflects everything below `offset`. */
  async moveState(group: string, { topic, partition }: TopicPartition, epoch: number, offset: number): Promise<void> {
    await this.database.execute(`UPDATE ${TABLE} SET state_offset = ? WHERE ${WHERE} AND epoch = ?`, [offset, group, topic, partition, epoch]);
  }

  async read(group: string, { topic, partition }: TopicPartition): Promise<Cursor | undefined> {
    const [row] = await this.database.query(`SELECT ${selection} FROM ${TABLE} WHERE ${WHERE}`, [group, topic, partition]);
    return row && parse(row);
  }

  /** Releases the partition, so that the next owner need not wait for a timeout. */
  async release(group: string, { topic, partition }: TopicPartition, epoch: number, now: number): Promise<void> {
    await this.database.transaction(() =>
      this.database.execute(`UPDATE ${TABLE} SET owner = '', updated_at = ? WHERE ${WHERE} AND epoch = ?`, [now, group, topic, partition, epoch]),
    );
  }

  /** Releases every partition of a group whose owner is not in `living`; an owner that still runs is fenced at its next commit. */
  async releaseDead(group: string, living: readonly string[]): Promise<void> {
    const marks = living.map(() => '?').join(', ');
    await this.database.transaction(() =>
      this.database.execute(`UPDATE ${TABLE} SET owner = '' WHERE consumer_group = ? AND owner NOT IN ('', ${marks})`, [group, ...living]),
    );
  }

  /** Deletes the cursors of a group inside the current transaction. */
  async forget(group: string): Promise<void> {
    await this.database.execute(`DELETE FROM ${TABLE} WHERE consumer_group = ?`, [group]);
  }

  /** The cursors of one group. */
  async of(group: string): Promise<StoredCursor[]> {
    return (await this.all()).filter((cursor) => cursor.group === group);
  }

  /** Every cursor, for lag and for the tools. */
  async all(): Promise<StoredCursor[]> {
    const rows = await this.database.query(`SELECT ${selection} FROM ${TABLE} ORDER BY consumer_group, topic, partition_no`);
    return rows.map(parse);
  }

  /**
   * Moves a cursor for an operator and clears its owner: the current owner is fenced, and the next claim continues from here.
   * False when the epoch is no longer `epoch`; 0 is the epoch of a cursor that does not exist yet.
   */
  relocate(group: string, { topic, partition }: TopicPartition, to: Omit<Cursor, 'epoch'>, epoch: number, now: number): Promise<boolean> {
    const key = [group, topic, partition];
    return this.database.transaction(async () => {
      if (epoch === 0) {
        const missing = { group, topic, partition, ...to, epoch: 0, generation: 0, owner: '', updatedAt: now };
        await this.database.insertAll(cursorTable, [missing], ifMissing);
      }
      const moved = await this.database.execute(
        `UPDATE ${TABLE} SET next_offset = ?, state_offset = ?, epoch = epoch + 1, generation = 0, owner = '', updated_at = ? WHERE ${WHERE} AND epoch = ?`,
        [to.nextOffset, to.stateOffset, now, ...key, epoch],
      );
      return moved === 1;
    });
  }
}
