import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Config } from '../../config.js';
import { AuditService } from '../../database/audit.service.js';
import { COMMANDS, Database } from '../../database/database.client.js';
import { boundsOf } from '../../log/bounds.js';
import { EventLog, type LogRecord, type TopicPartition } from '../../log/event-log.js';
import type { Actor } from '../../shared/actor.js';
import { TocsinError } from '../../shared/errors.js';
import { deadLetterTopic, topics } from '../../topics.js';
import { Metrics } from '../../runtime/metrics.service.js';
import {
  matchesFilter,
  type DeadLetter,
  type DeadLetterFilter,
  deadLetterOf,
  type RedriveOutcome,
  parseDeadLetterId,
  type Redrive,
  redriveOf,
} from './dead-letter.js';
import { redrivenTable } from './redriven-table.js';

export interface DeadLetterQuery extends DeadLetterFilter {
  readonly topic?: string | undefined;
  /** Dead letters since this time (epoch ms). */
  readonly since?: number | undefined;
  readonly limit: number;
}

export interface DeadLetterPage {
  /** Newest first. */
  readonly letters: readonly DeadLetter[];
  /** False when older matching dead letters may be missing. */
  readonly complete: boolean;
}

export interface RedriveRequest extends Omit<DeadLetterQuery, 'limit'> {
  /** Only these dead letters. */
  readonly letters?: readonly string[] | undefined;
  /** Dead letters after this time are skipped, so that records that are rejected again during the redrive are not redriven again. */
  readonly until: number;
  /** Maximum number of dead letters to redrive. */
  readonly limit: number;
  readonly actor: Actor;
  readonly why: string;
}

export interface Redriven {
  readonly letters: readonly { readonly id: string; readonly outcome: RedriveOutcome }[];
  /** True when the limit was reached: repeat the request for the rest. */
  readonly more: boolean;
}

type Found = readonly [DeadLetter, LogRecord];

/** A search reads backwards in chunks of this many records, and at most this many records of each partition. */
const CHUNK_RECORDS = 500;
const MAX_SCANNED_RECORDS = 20_000;
/** Dead letters that are redriven in one transaction. */
const TRANSACTION_RECORDS = 100;

/** Lists dead letter records of all topics and redrives them to their original topics. */
@Injectable()
export class DeadLetters {
  constructor(
    private readonly database: Database,
    private readonly eventLog: EventLog,
    private readonly audit: AuditService,
    private readonly metrics: Metrics,
    private readonly config: Config,
  ) {}

  async list(query: DeadLetterQuery): Promise<DeadLetterPage> {
    const pages = await Promise.all((await this.#partitions(query.topic)).map((at) => this.#newest(at, query)));
    const letters = pages.flatMap((page) => page.letters).sort((a, b) => b.time - a.time || b.offset - a.offset);
    return { letters: letters.slice(0, query.limit), complete: pages.every(({ complete }) => complete) && letters.length <= query.limit };
  }

  /** Throws T6208 when the dead letter does not exist. */
  async find(id: string): Promise<Found> {
    const at = parseDeadLetterId(id);
    if (!at || !isTopic(at.topic)) throw new TocsinError('T6208', `${id}: must have the form <topic>/<partition>/<offset>`);
    const bounds = await boundsOf(this.eventLog, { ...at, topic: deadLetterTopic(at.topic) });
    if (!bounds || at.offset < bounds.low || at.offset >= bounds.high) {
      throw new TocsinError('T6208', bounds ? `${id}; offsets are ${bounds.low} to ${bounds.high - 1}` : id);
    }
    for await (const [found] of this.#read(at, at.offset, at.offset + 1)) if (found) return found;
    throw new TocsinError('T6208', id);
  }

  /**
   * Redrives dead letters to their original topics, oldest first, each record at most once even under concurrent requests. Publishing and the
   * redriven row share one transaction: a crash leaves both or none. `dryRun` only returns the outcomes. Throws T6208 for an unknown dead letter.
   */
  async redrive(order: RedriveRequest, dryRun: boolean, now: number): Promise<Redriven> {
    const letters: { id: string; outcome: RedriveOutcome }[] = [];
    let driven = 0;
    for await (const found of this.#wanted(order)) {
      const room = order.limit - driven;
      if (room <= 0) return await this.#finish(order, letters, true, dryRun, now);
      const some = await this.#drive(found.slice(0, room), order, dryRun, now);
      letters.push(...some);
      const gone = some.filter(({ outcome }) => outcome === 'redriven').length;
      driven += gone;
      if (found.length > room) return await this.#finish(order, letters, true, dryRun, now);
      if (!dryRun && gone > 0) await delay((1000 * gone) / this.config.DLQ_REDRIVE_PER_SECOND);
    }
    return this.#finish(order, letters, false, dryRun, now);
  }

  async #finish(order: RedriveRequest, letters: Redriven['letters'], more: boolean, dryRun: boolean, now: number): Promise<Redriven> {
    const driven = letters.filter(({ outcome }) => outcome === 'redriven').map(({ id }) => id);
    if (dryRun || driven.length === 0) return { letters, more };
    const { actor, why, topic = 'all topics' } = order;
    const after = { redriven: driven.length, of: letters.length, first: driven.slice(0, 20) };
    await this.audit.record({ actor, action: 'dead_letter.redriven', object: { kind: 'topic', id: topic }, why, after }, now);
    return { letters, more };
  }

  /** The requested dead letters, oldest first in each partition, in chunks of one transaction. */
  async *#wanted(order: RedriveRequest): AsyncIterable<readonly Found[]> {
    if (order.letters) {
      const found: Found[] = [];
      for (const id of order.letters) found.push(await this.find(id));
      for (let start = 0; start < found.length; start += TRANSACTION_RECORDS) yield found.slice(start, start + TRANSACTION_RECORDS);
      return;
    }
    for (const at of await this.#partitions(order.topic)) {
      const from = await this.#start(at, order.since);
      for await (const found of this.#read(at, from, at.high)) {
        const wanted = found.filter(([letter]) => matchesFilter(letter, order) && letter.time <= order.until);
        for (let start = 0; start < wanted.length; start += TRANSACTION_RECORDS) yield wanted.slice(start, start + TRANSACTION_RECORDS);
      }
    }
  }

  async #drive(found: readonly Found[], { actor }: RedriveRequest, dryRun: boolean, now: number): Promise<{ id: string; outcome: RedriveOutcome }[]> {
    const returns = await Promise.all(
      found.map(async ([letter, record]) => redriveOf(letter, record, await this.eventLog.partitions(letter.topic), this.config.DLQ_MAX_REDRIVES)),
    );
    const possible = returns.filter((each): each is Redrive => typeof each !== 'string');
    const going = dryRun ? await this.#notYet(possible) : await this.#send(possible, actor.name, now);
    return returns.map((each, index) => {
      const [{ id, topic }] = found[index]!;
      const outcome = typeof each === 'string' ? each : going.has(each) ? 'redriven' : 'already';
      if (!dryRun) this.metrics.increment('tocsin_dead_letters_redriven_total', { topic, outcome });
      return { id, outcome };
    });
  }

  async #notYet(returns: readonly Redrive[]): Promise<ReadonlySet<Redrive>> {
    const rows = await this.#rows(returns);
    const known = new Set(rows.map(({ origin }) => origin));
    return firstPerOrigin(returns.filter(({ origin }) => !known.has(origin)));
  }

  /** Inserts the rows and publishes, in one transaction, the records that were not redriven before. */
  #send(returns: readonly Redrive[], by: string, now: number): Promise<ReadonlySet<Redrive>> {
    if (returns.length === 0) return Promise.resolve(new Set());
    const token = randomUUID();
    return this.database.transaction(async () => {
      const rows = [...firstPerOrigin(returns)].map(({ origin, deadLetter: letter }) => ({
        origin,
        dead_letter: letter.id,
        token,
        redriven_by: by,
        redriven_at: now,
      }));
      await this.database.insertAll(redrivenTable, rows, { key: ['origin'], update: [] });
      const ours = new Set((await this.#rows(returns)).filter((row) => row.token === token).map(({ origin }) => origin));
      const going = firstPerOrigin(returns.filter(({ origin }) => ours.has(origin)));
      await this.eventLog.stage(
        [...going].map(({ record }) => record),
        COMMANDS,
      );
      this.database.afterCommit(() => this.eventLog.staged(COMMANDS));
      return going;
    });
  }

  #rows(returns: readonly Redrive[]): Promise<{ origin: string; token: string }[]> {
    if (returns.length === 0) return Promise.resolve([]);
    return this.database.query(
      `SELECT origin, token FROM ${redrivenTable.name} WHERE origin IN (${returns.map(() => '?').join(', ')})`,
      returns.map(({ origin }) => origin),
    );
  }

  async #newest(at: Bounds, query: DeadLetterQuery): Promise<DeadLetterPage> {
    const start = await this.#start(at, query.since);
    const last = Math.max(start, at.high - MAX_SCANNED_RECORDS);
    const letters: DeadLetter[] = [];
    let end = at.high;
    while (end > last && letters.length < query.limit) {
      const from = Math.max(last, end - CHUNK_RECORDS);
      const piece: DeadLetter[] = [];
      for await (const found of this.#read(at, from, end)) piece.push(...found.map(([letter]) => letter));
      letters.push(...piece.filter((letter) => matchesFilter(letter, query) && letter.time >= (query.since ?? 0)).reverse());
      end = from;
    }
    return { letters, complete: end <= start };
  }

  async #start({ topic, partition, low, high }: Bounds, since: number | undefined): Promise<number> {
    if (since === undefined || low === high) return low;
    return (await this.eventLog.offsetsAt(deadLetterTopic(topic), since)).get(partition) ?? low;
  }

  async *#read({ topic, partition }: TopicPartition, from: number, to: number): AsyncIterable<readonly Found[]> {
    for await (const records of this.eventLog.read({ topic: deadLetterTopic(topic), partition }, from, to)) {
      yield records.map((record) => [deadLetterOf({ topic, partition }, record), record]);
    }
  }

  async #partitions(topic: string | undefined): Promise<Bounds[]> {
    if (topic !== undefined && !isTopic(topic)) throw new TocsinError('T6203', `${topic}; topics are ${names.join(', ')}`);
    const wanted = topic === undefined ? names : [topic];
    const bounds = await Promise.all(
      wanted.map(async (name) => (await this.eventLog.offsets(deadLetterTopic(name))).map((each) => ({ topic: name, ...each }))),
    );
    return bounds.flat();
  }
}

interface Bounds extends TopicPartition {
  readonly low: number;
  readonly high: number;
}

const names = Object.values(topics).map(({ name }) => name);
const isTopic = (topic: string): boolean => (names as readonly string[]).includes(topic);

/** The first dead letter of each original record. */
function firstPerOrigin(returns: readonly Redrive[]): ReadonlySet<Redrive> {
  const byOrigin = new Map<string, Redrive>();
  for (const each of returns) if (!byOrigin.has(each.origin)) byOrigin.set(each.origin, each);
  return new Set(byOrigin.values());
}
