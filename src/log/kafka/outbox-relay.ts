import { Logger } from '@nestjs/common';
import type { Database } from '../../database/database.js';
import { backoff } from '../backoff.js';
import type { OutgoingRecord } from '../log.js';
import { unpack } from './parcel.js';

interface OutboxRow {
  readonly id: number | string;
  readonly parcel: Buffer;
}

/** Parcels that are read at once. */
const MOST = 16;

/**
 * Publishes outbox rows of the lanes that this process owns, in the order of their ids, and deletes them when the log has confirmed.
 * Dying between the two publishes a row twice; every message carries an id by which its reader notices.
 */
export class OutboxRelay {
  readonly #log = new Logger('outbox');
  readonly #lanes = new Set<string>();
  #running: Promise<void> | undefined;
  #again = false;
  #closed = false;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    private readonly publish: (topic: string, records: readonly OutgoingRecord[]) => Promise<void>,
  ) {}

  own(lane: string): void {
    this.#lanes.add(lane);
    this.wake();
  }

  disown(lane: string): void {
    this.#lanes.delete(lane);
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
      this.#log.warn(`cannot publish: ${error instanceof Error ? error.message : String(error)}; again in ${wait} ms`);
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
    const rows = await this.database.query<OutboxRow>(
      `SELECT id, parcel FROM outbox WHERE lane IN (${lanes.map(() => '?').join(', ')}) ORDER BY id LIMIT ${MOST}`,
      lanes,
    );
    if (rows.length === 0) return 0;
    const byTopic = new Map<string, OutgoingRecord[]>();
    for (const { topic, ...record } of rows.flatMap(({ parcel }) => unpack(parcel))) {
      const list = byTopic.get(topic);
      if (list) list.push(record);
      else byTopic.set(topic, [record]);
    }
    await Promise.all([...byTopic].map(([topic, records]) => this.publish(topic, records)));
    await this.database.transaction(() =>
      this.database.execute(
        `DELETE FROM outbox WHERE id IN (${rows.map(() => '?').join(', ')})`,
        rows.map(({ id }) => id),
      ),
    );
    return rows.length;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }
}
