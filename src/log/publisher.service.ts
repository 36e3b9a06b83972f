import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import { deadLetterTopic, type Topic } from '../topics.js';
import type { PoisonRecord } from './consuming/claimed-batch.js';
import { deadLetterHeaders } from './dead-letters.js';
import { EventLog, type OutgoingRecord } from './event-log.js';
import type { Serializer } from './serializer.js';

type Staged = OutgoingRecord & { topic: string };

/**
 * Publishes typed messages as part of the current database transaction: they are sent if and only if it commits, in order within its ordering
 * key. Outside a transaction it throws, because nothing would tie the message to the saved state.
 */
@Injectable()
export class Publisher {
  /** Messages of transactions that are still open, by their list of hooks. */
  readonly #open = new WeakMap<object, Staged[]>();

  constructor(
    private readonly database: Database,
    private readonly eventLog: EventLog,
  ) {}

  publish<T>(topic: Topic<T>, message: T): void {
    this.#stage({ topic: topic.name, key: topic.key(message), value: this.eventLog.serializer.serialize(topic.name, message) });
  }

  /** Sends a record that can never be processed to the dead-letter topic: the original bytes, and headers with its position and the error. */
  deadLetter(topic: string, partition: number, group: string, { record, error }: PoisonRecord, now: number): void {
    this.#stage({
      topic: deadLetterTopic(topic),
      key: record.key,
      value: record.value,
      partition,
      headers: deadLetterHeaders(topic, partition, group, record, error, now),
    });
  }

  get serializer(): Serializer {
    return this.eventLog.serializer;
  }

  /** True when the current transaction has something to publish. */
  get pending(): boolean {
    return this.#open.has(this.database.transactionKey);
  }

  #stage(record: Staged): void {
    const key = this.database.transactionKey;
    const staged = this.#open.get(key);
    if (staged) {
      staged.push(record);
      return;
    }
    const records = [record];
    this.#open.set(key, records);
    const { orderingKey } = this.database;
    this.database.beforeCommit(() => this.eventLog.stage(records, orderingKey));
    this.database.afterCommit(() => this.eventLog.staged(orderingKey));
  }
}
