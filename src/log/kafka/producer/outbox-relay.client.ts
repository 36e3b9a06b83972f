import { Logger } from '@nestjs/common';
import type { Database } from '../../../database/database.client.js';
import { backoff } from '../../../shared/retry.js';
import type { OutgoingRecord } from '../../event-log.js';
import { PublishError } from '../../publish-error.js';
import { pack, type Staged, unpack } from './outbox-row.js';

interface OutboxRow {
  readonly id: number | string;
  readonly lane: string;
  readonly parcel: Buffer;
  readonly created_at: number | string;
}

/** Parcels that are read at once. */
const MOST = 16;
/** Before the name of a lane: what its topic is too small for. */
export const HELD = 'held/';
/** What is held is tried again after this time (ms), and when its lane gets an owner. */
const HELD_MS = 600_000;

/** A record, and since when (epoch ms) it waits in which lane. */
type Waiting = Staged & { readonly lane: string; readonly since: number };

/**
 * Publishes outbox rows of the lanes that this process owns, in the order of their ids, and deletes them when the log has confirmed.
 * Dying between the two publishes a row twice; every message carries an id by which its reader notices.
 */
export class OutboxRelay {
  readonly #logger = new Logger('outbox');
  readonly #lanes = new Set<string>();
  readonly #newLanes = new Set<string>();
  #running: Promise<void> | undefined;
  #again = false;
  #closed = false;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #restoredAt = 0;

  constructor(
    private readonly database: Database,
    private readonly publish: (topic: string, records: readonly OutgoingRecord[]) => Promise<void>,
    private readonly heldMs = HELD_MS,
  ) {}

  acquire(orderingKey: string): void {
    if (!this.#lanes.has(orderingKey)) this.#newLanes.add(orderingKey);
    this.#lanes.add(orderingKey);
    this.wake();
  }

  release(orderingKey: string): void {
    this.#lanes.delete(orderingKey);
    this.#newLanes.delete(orderingKey);
  }

  /** There may be rows to publish. */
  wake(): void {
    this.#again = true;
    this.#running ??= this.database.detached(() => this.#run());
  }

  async #run(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      while (this.#again && !this.#closed) {
        this.#again = false;
        while (!this.#closed && (await this.#relay()) === MOST);
        this.#failures = 0;
      }
      this.#later(1000);
    } catch (error) {
      const wait = backoff(++this.#failures, Math.random(), 200, 5000);
      this.#logger.warn(`publishing failed, retrying in ${wait} ms: ${error instanceof Error ? error.message : String(error)}`);
      this.#later(wait);
    } finally {
      this.#running = undefined;
    }
  }

  /** Others may write into our lanes (commands of any replica), so look now and then. */
  #later(ms: number): void {
    if (!this.#closed) this.#timer = setTimeout(() => this.wake(), ms);
  }

  async #relay(): Promise<number> {
    const lanes = [...this.#lanes];
    if (lanes.length === 0) return 0;
    await this.#restore(Date.now());
    const rows = await this.database.query<OutboxRow>(
      `SELECT id, lane, parcel, created_at FROM outbox WHERE lane IN (${lanes.map(() => '?').join(', ')}) ORDER BY id LIMIT ${MOST}`,
      lanes,
    );
    if (rows.length === 0) return 0;
    const byTopic = new Map<string, Waiting[]>();
    for (const { lane, parcel, created_at: since } of rows) {
      for (const record of unpack(parcel)) {
        const waiting = { ...record, lane, since: Number(since) };
        const list = byTopic.get(record.topic);
        if (list) list.push(waiting);
        else byTopic.set(record.topic, [waiting]);
      }
    }
    const tooLarge = (await Promise.all([...byTopic].map(([topic, records]) => this.#publishAll(topic, records)))).flat();
    await this.database.transaction(async () => {
      await this.#hold(tooLarge);
      await this.database.execute(
        `DELETE FROM outbox WHERE id IN (${rows.map(() => '?').join(', ')})`,
        rows.map(({ id }) => id),
      );
    });
    return rows.length;
  }

  /** Answers the records that are too large for their topic; the others are published. */
  async #publishAll(topic: string, records: readonly Waiting[]): Promise<Waiting[]> {
    try {
      await this.publish(topic, records);
      return [];
    } catch (error) {
      if (!(error instanceof PublishError) || error.failure !== 'too large') throw error;
      this.#logger.error(
        `${error.records.length} records for ${topic} are quarantined in the outbox until max.message.bytes is raised, and retried every ${Math.round(this.heldMs / 60_000)} minutes: ${error.message}`,
      );
      return error.records.map((index) => records[index]!);
    }
  }

  /** Sets aside what would block its lane for ever, with its bytes intact. */
  async #hold(records: readonly Waiting[]): Promise<void> {
    for (const { lane, since, ...record } of records) {
      // One by one, because a statement must not be larger than the database takes.
      await this.database.insert('outbox', ['lane', 'parcel', 'created_at'], [[HELD + lane, ...pack([record]), since]]);
    }
  }

  /** Puts back what was held in lanes that have become ours, and from time to time in all of them. */
  async #restore(now: number): Promise<void> {
    const isTime = now - this.#restoredAt >= this.heldMs;
    const lanes = [...(isTime ? this.#lanes : this.#newLanes)];
    if (lanes.length === 0) return;
    await this.database.transaction(() =>
      this.database.execute(
        `UPDATE outbox SET lane = SUBSTR(lane, ${HELD.length + 1}) WHERE lane IN (${lanes.map(() => '?').join(', ')})`,
        lanes.map((lane) => HELD + lane),
      ),
    );
    if (isTime) this.#restoredAt = now;
    for (const lane of lanes) this.#newLanes.delete(lane);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }
}
