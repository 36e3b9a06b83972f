import { Logger } from '@nestjs/common';
import type { Database } from '../../../database/database.client.js';
import { backoff } from '../../../shared/retry.js';
import { placeholders } from '../../../shared/row.js';
import type { OutgoingRecord } from '../../event-log.js';
import { PublishError } from '../../publish-error.js';
import { encodeOutboxRows, type StagedRecord, decodeOutboxRow } from './outbox-row.js';
import { outboxTable } from './outbox-table.js';
import { messageOf } from '../../../shared/error-message.js';

/** Rows per read. */
const BATCH_ROWS = 16;
/** Quarantined rows are retried at this interval (ms), and when this process acquires their ordering key. */
const QUARANTINE_RETRY_MS = 600_000;

/** A record with its ordering key, and the time (epoch ms) at which it was staged. */
type PendingRecord = StagedRecord & { readonly orderingKey: string; readonly since: number };

/**
 * Publishes the outbox rows of the ordering keys that this process owns, in order of their ids, and deletes them once the log has confirmed.
 * A crash in between publishes a row twice; consumers drop the duplicate by the message id.
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
      this.#logger.warn(`publishing failed, retrying in ${wait} ms: ${messageOf(error)}`);
      this.#wakeLater(wait);
    } finally {
      this.#running = undefined;
    }
  }

  /** Polls, because other replicas may stage records under the ordering keys that this replica publishes (commands). */
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

  /** Publishes the records and returns those that are too large for their topic. */
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

  /** Moves records that would block their ordering key to quarantine, with their bytes unchanged. */
  async #quarantine(records: readonly PendingRecord[]): Promise<void> {
    for (const { orderingKey, since: createdAt, ...record } of records) {
      // One by one, because the size of a statement is limited (max_allowed_packet).
      const rows = encodeOutboxRows([record]).map((parcel) => ({ orderingKey, parcel, createdAt, isQuarantined: true }));
      await this.database.insertAll(outboxTable, rows);
    }
  }

  /** Returns quarantined rows of newly acquired ordering keys to the queue, and those of all keys periodically. */
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
