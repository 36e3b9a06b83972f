import { Logger } from '@nestjs/common';
import type { Database } from '../../../database/database.client.js';
import { backoff } from '../../../shared/retry.js';
import { placeholders } from '../../../shared/row.js';
import type { OutgoingRecord } from '../../event-log.js';
import { PublishError } from '../../publish-error.js';
import { encodeOutboxRows, type StagedRecord, decodeOutboxRow } from './outbox-row.js';
import { outboxTable } from './outbox-table.js';

/** Parcels that are read at once. */
const BATCH_ROWS = 16;
/** Quarantined records are retried after this time (ms), and when their ordering key gets an owner. */
const QUARANTINE_RETRY_MS = 600_000;

/** A record, its ordering key, and since when (epoch ms) it waits. */
type PendingRecord = StagedRecord & { readonly orderingKey: string; readonly since: number };

/**
 * Publishes outbox rows of the ordering keys that this process owns, in the order of their ids, and deletes them when the log has confirmed.
 * Dying between the two publishes a row twice; every message carries an id by which its reader notices.
 */
export class OutboxRelay {
  readonly #logger = new Logger('outbox');
  readonly #orderingKeys = new Set<string>();
  readonly #newOrderingKeys = new Set<string>();
  #running: Promise<void> | undefined;
  #isWoken = false;
  #closed = false;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #requeuedAt = 0;

  constructor(
    private readonly database: Database,
    private readonly publish: (topic: string, records: readonly OutgoingRecord[]) => Promise<void>,
    private readonly quarantineRetryMs = QUARANTINE_RETRY_MS,
  ) {}

  acquire(orderingKey: string): void {
    if (!this.#orderingKeys.has(orderingKey)) this.#newOrderingKeys.add(orderingKey);
    this.#orderingKeys.add(orderingKey);
    this.wake();
  }

  release(orderingKey: string): void {
    this.#orderingKeys.delete(orderingKey);
    this.#newOrderingKeys.delete(orderingKey);
  }

  /** There may be rows to publish. */
  wake(): void {
    this.#isWoken = true;
    this.#running ??= this.database.detached(() => this.#run());
  }

  async #run(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      while (this.#isWoken && !this.#closed) {
        this.#isWoken = false;
        while (!this.#closed && (await this.#relayBatch()) === BATCH_ROWS);
        this.#failures = 0;
      }
      this.#wakeLater(1000);
    } catch (error) {
      const wait = backoff(++this.#failures, Math.random(), 200, 5000);
      this.#logger.warn(`publishing failed, retrying in ${wait} ms: ${error instanceof Error ? error.message : String(error)}`);
      this.#wakeLater(wait);
    } finally {
      this.#running = undefined;
    }
  }

  /** Others may write with our ordering keys (commands of any replica), so look now and then. */
  #wakeLater(ms: number): void {
    if (!this.#closed) this.#timer = setTimeout(() => this.wake(), ms);
  }

  async #relayBatch(): Promise<number> {
    const orderingKeys = [...this.#orderingKeys];
    if (orderingKeys.length === 0) return 0;
    await this.#requeueQuarantined(Date.now());
    const found = await this.database.query(
      `SELECT ${outboxTable.selection} FROM outbox WHERE is_quarantined = 0 AND ordering_key IN (${placeholders(orderingKeys)}) ORDER BY id LIMIT ${BATCH_ROWS}`,
      orderingKeys,
    );
    const rows = found.map(outboxTable.parse);
    if (rows.length === 0) return 0;
    const byTopic = new Map<string, PendingRecord[]>();
    for (const { orderingKey, parcel, createdAt } of rows) {
      for (const record of decodeOutboxRow(parcel)) {
        const pending = { ...record, orderingKey, since: createdAt };
        const list = byTopic.get(record.topic);
        if (list) list.push(pending);
        else byTopic.set(record.topic, [pending]);
      }
    }
    const tooLarge = (await Promise.all([...byTopic].map(([topic, records]) => this.#publishAll(topic, records)))).flat();
    await this.database.transaction(async () => {
      await this.#quarantine(tooLarge);
      await this.database.execute(
        `DELETE FROM outbox WHERE id IN (${placeholders(rows)})`,
        rows.map(({ id }) => id),
      );
    });
    return rows.length;
  }

  /** Answers the records that are too large for their topic; the others are published. */
  async #publishAll(topic: string, records: readonly PendingRecord[]): Promise<PendingRecord[]> {
    try {
      await this.publish(topic, records);
      return [];
    } catch (error) {
      if (!(error instanceof PublishError) || error.failure !== 'too large') throw error;
      this.#logger.error(
        `${error.records.length} records for ${topic} are quarantined in the outbox until max.message.bytes is raised, and retried every ${Math.round(this.quarantineRetryMs / 60_000)} minutes: ${error.message}`,
      );
      return error.records.map((index) => records[index]!);
    }
  }

  /** Sets aside records that would block their ordering key for ever, with their bytes intact. */
  async #quarantine(records: readonly PendingRecord[]): Promise<void> {
    for (const { orderingKey, since: createdAt, ...record } of records) {
      // One by one, because a statement must not be larger than the database takes.
      const rows = encodeOutboxRows([record]).map((parcel) => ({ orderingKey, parcel, createdAt, isQuarantined: true }));
      await this.database.insertAll(outboxTable, rows);
    }
  }

  /** Retries the quarantined records of ordering keys that have become ours, and from time to time of all of ours. */
  async #requeueQuarantined(now: number): Promise<void> {
    const isDue = now - this.#requeuedAt >= this.quarantineRetryMs;
    const orderingKeys = [...(isDue ? this.#orderingKeys : this.#newOrderingKeys)];
    if (orderingKeys.length === 0) return;
    await this.database.transaction(() =>
      this.database.execute(
        `UPDATE outbox SET is_quarantined = 0 WHERE is_quarantined = 1 AND ordering_key IN (${placeholders(orderingKeys)})`,
        orderingKeys,
      ),
    );
    if (isDue) this.#requeuedAt = now;
    for (const orderingKey of orderingKeys) this.#newOrderingKeys.delete(orderingKey);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }
}
