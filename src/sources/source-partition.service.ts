import { setTimeout as delay } from 'node:timers/promises';
import type { PoisonRecord } from '../log/consuming/claimed-batch.js';
import type { CursorRepository } from '../log/cursor.repository.js';
import { deadLetterHeaders } from '../log/dead-letters.js';
import type { BatchControl, OutgoingRecord, TopicPartition } from '../log/event-log.js';
import { FencedError } from '../log/fenced-error.js';
import { type ErrorCode, PoisonError } from '../shared/errors.js';
import { backoff } from '../shared/retry.js';
import type { EncodedEvent } from '../access/envelope.js';
import { cursorGroup } from '../access/registry/source.js';
import { OrderedPublisher } from './ordered-publisher.js';
import { SlidingWindow } from './sliding-window.js';
import type { SourceClaims } from './source-claims.service.js';
import type { SourcePublisher } from './source-publisher.service.js';

/** Maximum number of events in one publish; a single batch may exceed it. */
const MOST_EVENTS = 2000;

/** An event with the offset of its record. */
export interface SourcedEvent extends EncodedEvent {
  readonly offset: number;
}

/** Dependencies and callbacks of a source partition. */
export interface SourcePartitionOptions {
  readonly claims: { readonly cursors: Pick<CursorRepository, 'read' | 'release'> } & Pick<SourceClaims, 'advance'>;
  readonly publisher: Pick<SourcePublisher, 'publish' | 'deadLetter'>;
  readonly commitMs: number;
  /** Delay (ms) before the first retry of a failed publish; it grows to at most fifty times this value. */
  readonly retryMs: number;
  /** A publish failed and will be retried. */
  readonly failed: (error: unknown, failures: number) => void;
  /** This number of events went to the dead letters although their record could be decoded. */
  readonly refused: (code: ErrorCode, events: number) => void;
  /** The cursor has advanced. */
  readonly committed: () => void;
  /** Another replica owns the partition. */
  readonly fenced: (at: TopicPartition) => void;
}

/**
 * Publishes a partition of a source to raw_events. Several batches are in flight; the cursor advances to the end of the contiguous finished batches.
 * Events of one partition of raw_events are published one publish at a time, so their order is kept after any failure.
 */
export class SourcePartition {
  readonly window: SlidingWindow;
  readonly #publishers = new Map<number, OrderedPublisher<SourcedEvent>>();
  readonly #deadLetters: OrderedPublisher<OutgoingRecord>;
  #committed: number;
  #committing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** A commit failed, but may have been stored. */
  #unsure = false;
  readonly #waiting = new Set<() => void>();
  #closed = false;
  #unowned = false;
  #control: BatchControl | undefined;
  /** End offset of the partition, from the latest batch. */
  end = 0;

  constructor(
    readonly source: string,
    readonly at: TopicPartition,
    readonly epoch: number,
    start: number,
    private readonly options: SourcePartitionOptions,
  ) {
    this.window = new SlidingWindow(start);
    this.#committed = start;
    this.#deadLetters = this.#publisher((records) => this.options.publisher.deadLetter(records));
  }

  get lost(): boolean {
    return this.#closed;
  }

  /** All records below this offset are done or in flight. */
  get position(): number {
    return this.window.next;
  }

  /** All records below this offset are done and committed. */
  get committed(): number {
    return this.#committed;
  }

  /**
   * Takes a batch that ends before `next`: its events by partition of raw_events, and its poison records.
   * Returns at once; the window shows when the batch is done.
   */
  take(
    events: ReadonlyMap<number, readonly SourcedEvent[]>,
    refused: readonly PoisonRecord[],
    next: number,
    control: BatchControl,
    now: number,
  ): void {
    this.#control = control;
    const settle = this.window.open(next);
    let pending = events.size + (refused.length > 0 ? 1 : 0);
    const done = (): void => {
      if (--pending > 0) return;
      settle();
      this.#commitSoon();
      this.#wake();
    };
    if (refused.length > 0)
      this.#deadLetters.push(
        refused.map((each) => this.#deadLetter(each, now)),
        done,
      );
    for (const [partition, list] of events) this.#publisherOf(partition).push(list, done);
    if (pending === 0) {
      pending = 1;
      done();
    }
  }

  /** Resolves to true as soon as fewer than `most` batches are in flight, or to false after `ms`. */
  async room(most: number, ms: number): Promise<boolean> {
    const end = Date.now() + ms;
    while (this.window.size >= most && !this.#closed) {
      const rest = end - Date.now();
      if (rest <= 0) return false;
      await this.#nextSettled(rest);
    }
    return !this.#closed;
  }

  #nextSettled(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const woken = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(woken);
        resolve();
      };
      const timer = setTimeout(woken, ms);
      this.#waiting.add(woken);
    });
  }

  /** Waits at most `ms` until all batches are done, and commits the position. */
  async drain(ms: number): Promise<void> {
    await this.room(1, ms);
    await this.#commit();
  }

  /** Discards all batches in flight. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#deadLetters.close();
    for (const publisher of this.#publishers.values()) publisher.close();
    this.#wake();
  }

  #wake(): void {
    for (const woken of this.#waiting) woken();
  }

  /** After {@link close}: commits the position and releases the partition, if this replica still owns it. */
  async release(now: number): Promise<void> {
    await this.#commit();
    await this.options.claims.cursors.release(cursorGroup(this.source), this.at, this.epoch, now);
  }

  #publisherOf(partition: number): OrderedPublisher<SourcedEvent> {
    let publisher = this.#publishers.get(partition);
    if (!publisher) {
      publisher = this.#publisher((events) => this.#publish(events, partition));
      this.#publishers.set(partition, publisher);
    }
    return publisher;
  }

  /** Events that are too large for the topic go to the dead letters. */
  async #publish(events: readonly SourcedEvent[], partition: number): Promise<void> {
    const tooLarge = await this.options.publisher.publish(events, partition);
    if (tooLarge.length === 0) return;
    await this.options.publisher.deadLetter(tooLarge.map((event) => this.#tooLarge(event)));
    this.options.refused('T1104', tooLarge.length);
  }

  #tooLarge({ key, json, bytes, offset }: SourcedEvent): OutgoingRecord {
    const record = { offset, timestamp: 0, key: Buffer.from(key), value: Buffer.from(json), headers: {} };
    return this.#deadLetter({ record, error: new PoisonError('T1104', `${bytes} bytes exceed max.message.bytes of raw_events`) }, Date.now());
  }

  #publisher<T>(publish: (items: readonly T[]) => Promise<void>): OrderedPublisher<T> {
    return new OrderedPublisher({
      publish,
      most: MOST_EVENTS,
      wait: (failures, error) => {
        this.options.failed(error, failures);
        return delay(backoff(failures, Math.random(), this.options.retryMs, 50 * this.options.retryMs));
      },
    });
  }

  #deadLetter({ record, error }: PoisonRecord, now: number): OutgoingRecord {
    const { topic, partition } = this.at;
    const headers = deadLetterHeaders(topic, partition, cursorGroup(this.source), record, error, now);
    return { key: record.key, value: record.value, headers: { ...record.headers, ...headers, 'tocsin-source': this.source } };
  }

  #commitSoon(): void {
    if (this.#closed || this.#unowned) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#commit().then(() => {
        if (this.window.position > this.#committed) this.#commitSoon();
      });
    }, this.options.commitMs);
  }

  /** Commits are serial. A failed commit loses nothing: records that are not committed are redelivered. */
  async #commit(): Promise<void> {
    while (this.#committing) await this.#committing;
    const to = this.window.position;
    if (to <= this.#committed || this.#unowned) return;
    this.#committing = this.#store(to).finally(() => (this.#committing = undefined));
    await this.#committing;
  }

  async #store(to: number): Promise<void> {
    const group = cursorGroup(this.source);
    try {
      if (this.#unsure) await this.#ask(group);
      if (to > this.#committed) {
        await this.options.claims.advance(this.source, { ...this.at, epoch: this.epoch }, this.#committed, to);
        this.#committed = to;
      }
      this.options.committed();
    } catch (error) {
      if (error instanceof FencedError) {
        this.#unowned = true;
        if (!this.#closed) this.options.fenced(this.at);
      } else {
        this.#unsure = true;
        this.options.failed(error, 1);
      }
      return;
    }
    // Serves only the lag tools of the external cluster.
    await this.#control?.commit(this.#committed).catch(() => undefined);
  }

  /** Reads the cursor after a commit with an unknown outcome. */
  async #ask(group: string): Promise<void> {
    const cursor = await this.options.claims.cursors.read(group, this.at);
    if (cursor?.epoch !== this.epoch) throw new FencedError(`epoch ${this.epoch} of ${this.at.topic}/${this.at.partition} has ended`);
    this.#committed = cursor.nextOffset;
    this.#unsure = false;
  }
}
