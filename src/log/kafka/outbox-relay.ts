import { Logger } from '@nestjs/common';
import type { Database } from '../../database/database.js';
import { backoff } from '../backoff.js';
import type { OutgoingRecord } from '../log.js';
import { PublishError } from '../publish-error.js';
import { pack, type Staged, unpack } from './parcel.js';

interface OutboxRow {
  readonly id: number | string;
  readonly lane: string;
  readonly parcel: Buffer;
}

/** Parcels that are read at once. */
const MOST = 16;
/** Before the name of a lane: what its topic is too small for. Tried again when the lane gets an owner. */
const HELD = 'held/';

type InLane = Staged & { readonly lane: string };

/**
 * Publishes outbox rows of the lanes that this process owns, in the order of their ids, and deletes them when the log has confirmed.
 * Dying between the two publishes a row twice; every message carries an id by which its reader notices.
 */
export class OutboxRelay {
  readonly #log = new Logger('outbox');
  readonly #lanes = new Set<string>();
  readonly #newLanes = new Set<string>();
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
    this.#newLanes.add(lane);
    this.wake();
  }

  disown(lane: string): void {
    this.#lanes.delete(lane);
    this.#newLanes.delete(lane);
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
    await this.#restore();
    const rows = await this.database.query<OutboxRow>(
      `SELECT id, lane, parcel FROM outbox WHERE lane IN (${lanes.map(() => '?').join(', ')}) ORDER BY id LIMIT ${MOST}`,
      lanes,
    );
    if (rows.length === 0) return 0;
    const byTopic = new Map<string, InLane[]>();
    for (const { lane, parcel } of rows) {
      for (const record of unpack(parcel)) {
        const list = byTopic.get(record.topic);
        if (list) list.push({ ...record, lane });
        else byTopic.set(record.topic, [{ ...record, lane }]);
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
  async #publishAll(topic: string, records: readonly InLane[]): Promise<InLane[]> {
    try {
      await this.publish(topic, records);
      return [];
    } catch (error) {
      if (!(error instanceof PublishError) || error.failure !== 'too large') throw error;
      this.#log.error(
        `${error.records.length} records for ${topic} are held in the outbox, raise its max.message.bytes and restart: ${error.message}`,
      );
      return error.records.map((index) => records[index]!);
    }
  }

  /** Sets aside what would block its lane for ever, with its bytes intact. */
  async #hold(records: readonly InLane[]): Promise<void> {
    const now = Date.now();
    for (const lane of new Set(records.map((record) => record.lane))) {
      const own = records.filter((record) => record.lane === lane);
      const parcels = pack(own).map((parcel) => [`${HELD}${lane}`, parcel, now]);
      await this.database.insert('outbox', ['lane', 'parcel', 'created_at'], parcels);
    }
  }

  /** Tries again what was held in lanes that have become ours. */
  async #restore(): Promise<void> {
    for (const lane of this.#newLanes) {
      await this.database.transaction(() => this.database.execute('UPDATE outbox SET lane = ? WHERE lane = ?', [lane, `${HELD}${lane}`]));
      this.#newLanes.delete(lane);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }
}
