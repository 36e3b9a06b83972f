import { setTimeout as delay } from 'node:timers/promises';
import { COMMANDS, type Database } from '../database/database.client.js';
import { backoff } from '../shared/retry.js';
import { type CursorRepository, FencedError } from '../log/cursor.repository.js';
import { deadLetterHeaders } from '../log/dead-letters.js';
import type { BatchControl, EventLog, LogRecord, OutgoingRecord, TopicPartition } from '../log/event-log.js';
import { PublishError } from '../log/publish-error.js';
import { type ErrorCode, PoisonError } from '../shared/errors.js';
import { deadLetterTopic, topics } from '../topics.js';
import { splitTooLarge, type EncodedEvent, pack } from '../access/envelope.js';
import { OrderedPublisher } from './ordered-publisher.js';
import { SlidingWindow } from './sliding-window.js';
import { cursorGroup } from '../access/registry/source.js';

const DEAD_LETTERS = deadLetterTopic(topics.rawEvents.name);
/** Most events in one publish; a batch may have more. */
const MOST_EVENTS = 2000;

/** A record that can never work. */
export interface Refused {
  readonly record: LogRecord;
  readonly error: PoisonError;
}

/** An event, and the offset of the record that it came in. */
export interface SourcedEvent extends EncodedEvent {
  readonly offset: number;
}

/** What a flow does its work with. */
export interface SourcePartitionOptions {
  readonly database: Pick<Database, 'transaction'>;
  readonly cursors: Pick<CursorRepository, 'advance' | 'read' | 'release'>;
  readonly eventLog: Pick<EventLog, 'publish' | 'serializer' | 'stage' | 'staged'>;
  /** Most events in one record. */
  readonly envelopeEvents: number;
  readonly commitMs: number;
  /** First wait after a failed publish; grows to fifty times as much. */
  readonly retryMs: number;
  /** A publish failed and comes again. */
  readonly failed: (error: unknown, failures: number) => void;
  /** So many events went to the dead letters although their record could be read. */
  readonly refused: (code: ErrorCode, events: number) => void;
  /** The cursor has moved. */
  readonly committed: () => void;
  /** Somebody else owns the partition by now. */
  readonly fenced: (at: TopicPartition) => void;
}

/**
 * A partition of a source on its way into raw_events. Several batches are under way; the cursor follows the end of what is done without a hole.
 * Events that go to the same partition of raw_events leave one publish at a time, so their order holds whatever fails.
 */
export class SourcePartition {
  readonly window: SlidingWindow;
  readonly #outlets = new Map<number, OrderedPublisher<SourcedEvent>>();
  readonly #deadLetters: OrderedPublisher<OutgoingRecord>;
  #committed: number;
  #committing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** A commit failed, and perhaps it did not. */
  #unsure = false;
  readonly #waiting = new Set<() => void>();
  #closed = false;
  #unowned = false;
  #control: BatchControl | undefined;
  /** End of the partition as the latest batch said. */
  end = 0;

  constructor(
    readonly source: string,
    readonly at: TopicPartition,
    readonly epoch: number,
    start: number,
    private readonly plant: SourcePartitionOptions,
  ) {
    this.window = new SlidingWindow(start);
    this.#committed = start;
    this.#deadLetters = this.#outlet((letters) => this.#bury(letters));
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Everything below is in the database as done. */
  get committed(): number {
    return this.#committed;
  }

  /**
   * Takes a batch that ends before `next`: its events by partition of raw_events, and what of it can never work.
   * Resolves at once; whether it is done says the window.
   */
  take(events: ReadonlyMap<number, readonly SourcedEvent[]>, refused: readonly Refused[], next: number, control: BatchControl, now: number): void {
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
    for (const [partition, list] of events) this.#outletOf(partition).push(list, done);
    if (pending === 0) {
      pending = 1;
      done();
    }
  }

  /** Resolves to true as soon as fewer than `most` batches are under way, or to false after `ms`. */
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

  /** Waits until everything is done, at most `ms`, and stores how far it came. */
  async drain(ms: number): Promise<void> {
    await this.room(1, ms);
    await this.#commit();
  }

  /** Nothing that is still under way counts any more. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#deadLetters.close();
    for (const outlet of this.#outlets.values()) outlet.close();
    this.#wake();
  }

  #wake(): void {
    for (const woken of this.#waiting) woken();
  }

  /** After {@link close}: stores how far it came, if it is still ours, and lets others have the partition. */
  async release(now: number): Promise<void> {
    await this.#commit();
    await this.plant.cursors.release(cursorGroup(this.source), this.at, this.epoch, now);
  }

  #outletOf(partition: number): OrderedPublisher<SourcedEvent> {
    let outlet = this.#outlets.get(partition);
    if (!outlet) {
      outlet = this.#outlet((events) => this.#publish(events, partition));
      this.#outlets.set(partition, outlet);
    }
    return outlet;
  }

  /** What is too large for the topic goes to the dead letters. */
  async #publish(events: readonly SourcedEvent[], partition: number): Promise<void> {
    const tooLarge = await this.#send(events, partition, this.plant.envelopeEvents);
    if (tooLarge.length === 0) return;
    await this.#bury(tooLarge.map((event) => this.#tooLarge(event)));
    this.plant.refused('T1104', tooLarge.length);
  }

  /** Answers the events that the log can never take; the others are in it. An envelope that is too large as a whole is sent event by event. */
  async #send(events: readonly SourcedEvent[], partition: number, most: number): Promise<readonly SourcedEvent[]> {
    const { eventLog: log } = this.plant;
    const records = pack(events, partition, { most, wrap: (json) => log.serializer.wrap(topics.rawEvents.name, json) });
    try {
      await log.publish(topics.rawEvents.name, records);
      return [];
    } catch (error) {
      if (!(error instanceof PublishError) || error.failure !== 'too large') throw error;
      const { alone, shared } = splitTooLarge(records, error.records);
      return shared.length === 0 ? alone : [...alone, ...(await this.#send(shared, partition, 1))];
    }
  }

  /** Publishes dead letters. One that is too large even for their topic goes into the outbox with its bytes, and is held there: nothing waits behind it. */
  async #bury(letters: readonly OutgoingRecord[]): Promise<void> {
    const { database, eventLog: log } = this.plant;
    try {
      await log.publish(DEAD_LETTERS, letters);
    } catch (error) {
      if (!(error instanceof PublishError) || error.failure !== 'too large') throw error;
      await database.transaction(async () => {
        // One by one, because a statement must not be larger than the database takes.
        for (const index of error.records) await log.stage([{ ...letters[index]!, topic: DEAD_LETTERS }], COMMANDS);
      });
      log.staged(COMMANDS);
    }
  }

  #tooLarge({ key, json, bytes, offset }: SourcedEvent): OutgoingRecord {
    const record = { offset, timestamp: 0, key: Buffer.from(key), value: Buffer.from(json), headers: {} };
    return this.#deadLetter({ record, error: new PoisonError('T1104', `${bytes} bytes exceed max.message.bytes of raw_events`) }, Date.now());
  }

  #outlet<T>(publish: (items: readonly T[]) => Promise<void>): OrderedPublisher<T> {
    return new OrderedPublisher({
      publish,
      most: MOST_EVENTS,
      wait: (failures, error) => {
        this.plant.failed(error, failures);
        return delay(backoff(failures, Math.random(), this.plant.retryMs, 50 * this.plant.retryMs));
      },
    });
  }

  #deadLetter({ record, error }: Refused, now: number): OutgoingRecord {
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
    }, this.plant.commitMs);
  }

  /** One at a time; a failure costs nothing, because what was not stored comes again. */
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
        const claim = { group, ...this.at, epoch: this.epoch };
        await this.plant.database.transaction(() => this.plant.cursors.advance(claim, this.#committed, to, Date.now(), false));
        this.#committed = to;
      }
      this.plant.committed();
    } catch (error) {
      if (error instanceof FencedError) {
        this.#unowned = true;
        if (!this.#closed) this.plant.fenced(this.at);
      } else {
        this.#unsure = true;
        this.plant.failed(error, 1);
      }
      return;
    }
    // It only serves the lag tools of the foreign cluster.
    await this.#control?.commit(this.#committed).catch(() => undefined);
  }

  /** After a commit of which nobody knows what became. */
  async #ask(group: string): Promise<void> {
    const cursor = await this.plant.cursors.read(group, this.at);
    if (cursor?.epoch !== this.epoch) throw new FencedError(`epoch ${this.epoch} of ${this.at.topic}/${this.at.partition} has ended`);
    this.#committed = cursor.nextOffset;
    this.#unsure = false;
  }
}
