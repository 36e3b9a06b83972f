import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { boundsOf } from '../log/bounds.js';
import type { Cluster } from '../log/cluster.js';
import { FencedError } from '../log/cursor.repository.js';
import type { PartitionPause } from '../log/consuming/partition-pause.js';
import type { BatchControl, LogConsumer, LogRecord, PartitionListener, RecordBatch, TopicPartition } from '../log/event-log.js';
import { type PartitionFault, PartitionPauses } from '../log/consuming/partition-pauses.js';
import { PoisonLimit } from '../log/consuming/poison-limit.js';
import type { ErrorCode } from '../shared/errors.js';
import type { RawEvent } from '../topics.js';
import { increment } from '../access/counts.js';
import { encode } from '../access/envelope.js';
import { TokenBucket } from '../access/rate.js';
import { type Decoded, decodeRecord, idPrefix } from './decode.js';
import type { KeyPartitions } from './key-partitions.js';
import { SourcePartition, type Refused, type SourcedEvent } from './source-partition.service.js';
import { system } from '../shared/actor.js';
import type { SourceCounts, PumpPlant } from './source-dependencies.js';
import { cursorGroup, type KafkaSource } from '../access/registry/source.js';
import { positionFault, startPosition } from './start-position.js';
import type { SourcePartitionState } from './source-state.js';

/** A batch waits so long (ms) for room in the window; then its partition is paused, and asks again. */
const ROOM_MS = 2000;
/** Decoding goes on so long (ms) before others get their turn. */
const SLICE_MS = 8;
/** First wait (ms) after a publish that failed. */
const RETRY_MS = 100;
/** Generation of every claim of a source that reads explicit partitions: nobody takes a partition that a living replica holds. */
const NO_GROUP = 1;

const name = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

/** The partition does not go on before people or room let it. */
class HeldError extends Error {}

/** One source: what a consumer hands over becomes events in raw_events, and the cursors follow. */
export class SourceConsumer implements PartitionListener {
  readonly counts: SourceCounts = { records: 0, events: 0, poison: {}, failures: 0 };
  readonly #flows = new Map<string, SourcePartition>();
  readonly #limits = new Map<string, PoisonLimit>();
  readonly #releasing = new Set<Promise<void>>();
  readonly #holds: PartitionPauses;
  readonly #logger: Logger;
  #bucket: TokenBucket | undefined;
  /** The latest failure that is not over. */
  #problem: string | undefined;
  consumer: LogConsumer | undefined;

  constructor(
    private source: KafkaSource,
    private readonly cluster: Pick<Cluster, 'offsets' | 'offsetsAt'>,
    private readonly keys: KeyPartitions,
    private readonly plant: PumpPlant,
  ) {
    this.#holds = new PartitionPauses(cursorGroup(source.name), plant.holds);
    this.#logger = new Logger(`source ${source.name}`);
    this.adjust(source);
  }

  /** From the next batch on records are treated as the source says now. */
  adjust(source: KafkaSource): void {
    if (!this.#bucket || JSON.stringify(source.rate) !== JSON.stringify(this.source.rate)) {
      this.#bucket = source.rate && new TokenBucket(source.rate, Date.now());
    }
    this.source = source;
    this.#limits.clear();
  }

  /** What hinders the source as a whole, in words. */
  get problem(): string | undefined {
    return this.#problem;
  }

  partitions(): SourcePartitionState[] {
    return [...this.#flows.values()].map(({ committed: position, end, at, window }) => {
      const hold = this.#holds.of(at);
      const state = { ...at, position, end, lag: Math.max(0, end - position), in_flight: window.size };
      return hold ? { ...state, problem: hold.code ? `${hold.code} ${hold.why}` : `paused by ${hold.by}: ${hold.why}` } : state;
    });
  }

  /** Takes over what the rows of holds, read at `readAt`, say about our partitions. */
  followHolds(holds: readonly PartitionPause[], readAt: number): void {
    const own = holds.filter(({ group }) => group === cursorGroup(this.source.name));
    for (const { at } of [...this.#flows.values()]) {
      const turn = this.#holds.follow(at, own, readAt);
      if (!turn) continue;
      if (turn.restart) this.#limits.delete(name(at));
      this.#drop(at);
      this.consumer?.restart(at);
    }
  }

  async assigned({ topic, partition }: TopicPartition, generation: number): Promise<number> {
    const at = { topic, partition };
    const group = this.source.mode === 'assign' ? NO_GROUP : generation;
    const kept = this.#flows.get(name(at));
    if (kept && (await this.#renewed(kept, group))) {
      this.#refuseHeld(at);
      if (kept.window.size >= this.source.max_in_flight) throw new HeldError('too many batches in flight');
      return kept.window.next;
    }
    const flow = await this.#claim(at, group);
    this.#refuseHeld(at);
    return flow.window.next;
  }

  #refuseHeld(at: TopicPartition): void {
    const hold = this.#holds.of(at);
    if (hold) throw new HeldError(`${name(at)}: ${hold.why}`);
  }

  async #renewed(flow: SourcePartition, generation: number): Promise<boolean> {
    if (flow.closed) return false;
    try {
      await this.plant.cursors.renew(cursorGroup(this.source.name), flow.at, flow.epoch, generation, Date.now());
      return true;
    } catch (error) {
      if (!(error instanceof FencedError)) throw error;
      return false;
    }
  }

  async #claim(at: TopicPartition, generation: number): Promise<SourcePartition> {
    this.#drop(at);
    const bounds = await boundsOf(this.cluster, at);
    if (!bounds) throw new Error(`${name(at)} does not exist on the cluster`);
    const group = cursorGroup(this.source.name);
    const start = (await this.plant.cursors.read(group, at)) ? bounds.low : await this.#start(at, bounds.low);
    const cursor = await this.plant.database.transaction(async () => {
      if (!(await this.plant.sources.lock(this.source.id))) throw new HeldError(`source ${this.source.name} was removed`);
      return this.plant.cursors.claim(group, at, generation, start, Date.now());
    });
    if (!cursor) throw new HeldError(`another replica owns ${name(at)}`);
    const flow = this.#flow(at, cursor.epoch, cursor.nextOffset);
    flow.end = bounds.high;
    this.#flows.set(name(at), flow);
    // An owner before us may have gone on after the first look; only from the claim on nobody else moves the cursor.
    await this.#judge(at, positionFault(cursor.nextOffset, bounds) && (await this.#fault(flow)));
    return flow;
  }

  async #start(at: TopicPartition, low: number): Promise<number> {
    const start = startPosition(this.source.start, this.source.declared_at);
    if (start === 'earliest') return low;
    return (await this.cluster.offsetsAt(at.topic, start.timestamp)).get(at.partition) ?? low;
  }

  async #judge(at: TopicPartition, fault: PartitionFault | undefined): Promise<void> {
    if (await this.#holds.claim(at, fault, Date.now())) await this.#tell(at, fault!);
  }

  async #stop(at: TopicPartition, fault: PartitionFault): Promise<void> {
    await this.#holds.stop(at, fault, '', Date.now());
    await this.#tell(at, fault);
  }

  /** Never a silent jump: it is in the audit table, in the log of the process, in the state and in readiness. */
  async #tell(at: TopicPartition, { code, why }: PartitionFault): Promise<void> {
    this.#logger.error(`${name(at)} halted: ${code} ${why}; resume with: tocsin sources resume ${this.source.name}`);
    await this.plant.audit.record(
      {
        actor: system(this.plant.config.INSTANCE_ID),
        action: 'partition.halted',
        object: { kind: 'partition', id: `${cursorGroup(this.source.name)} ${name(at)}` },
        why: `${code} ${why}`,
      },
      Date.now(),
    );
  }

  #flow(at: TopicPartition, epoch: number, position: number): SourcePartition {
    const { database, cursors, eventLog: log, config } = this.plant;
    return new SourcePartition(this.source.name, at, epoch, position, {
      database,
      cursors,
      eventLog: log,
      envelopeEvents: config.ENVELOPE_EVENTS,
      commitMs: config.SOURCES_COMMIT_MS,
      retryMs: RETRY_MS,
      failed: (error, failures) => this.#failed(error, failures),
      refused: (code, events) => this.#refused(code, events),
      committed: () => (this.#problem = undefined),
      fenced: (fenced) => {
        this.#logger.warn(`${name(fenced)} is now owned by another replica`);
        this.#drop(fenced);
        this.consumer?.restart(fenced);
      },
    });
  }

  #refused(code: ErrorCode, events: number): void {
    this.counts.poison[code] = (this.counts.poison[code] ?? 0) + events;
  }

  #failed(error: unknown, failures: number): void {
    this.counts.failures++;
    this.#problem = `publishing events failed: ${error instanceof Error ? error.message : String(error)}`;
    if (failures === 1) this.#logger.warn(`${this.#problem}; retrying`);
  }

  async batch(batch: RecordBatch, control: BatchControl): Promise<void> {
    const flow = this.#flows.get(name(batch));
    if (!flow || flow.closed) throw new FencedError('not acquired');
    this.#refuseHeld(batch);
    const records = batch.records.filter(({ offset }) => offset >= flow.window.next);
    const [first] = records;
    // A client that finds its offset out of range may have jumped by itself.
    if ((first?.offset ?? batch.highWatermark) !== flow.window.next) await this.#checkPosition(flow);
    flow.end = batch.highWatermark;
    if (!first) return;
    await this.#makeRoom(flow, control);
    await this.#take(flow, records, control);
  }

  /** Control records and compaction leave holes; only what retention has deleted is lost. */
  async #checkPosition(flow: SourcePartition): Promise<void> {
    const fault = await this.#fault(flow);
    if (!fault) return;
    await this.#stop(flow.at, fault);
    throw new HeldError(fault.why);
  }

  async #fault({ at, window }: SourcePartition): Promise<PartitionFault | undefined> {
    const bounds = await boundsOf(this.cluster, at);
    return bounds && positionFault(window.next, bounds);
  }

  async #makeRoom(flow: SourcePartition, control: BatchControl): Promise<void> {
    const end = Date.now() + ROOM_MS;
    const turn = Math.min(ROOM_MS, this.plant.config.KAFKA_HEARTBEAT_INTERVAL_MS);
    while (!(await flow.room(this.source.max_in_flight, Math.min(turn, end - Date.now())))) {
      if (flow.closed) throw new FencedError('lost while waiting');
      if (Date.now() >= end) throw new HeldError('too many batches in flight');
      await control.heartbeat();
    }
  }

  async #take(flow: SourcePartition, records: readonly LogRecord[], control: BatchControl): Promise<void> {
    const events = new Map<number, SourcedEvent[]>();
    const refused: Refused[] = [];
    const prefix = idPrefix(this.source.name, flow.at);
    let taken = 0;
    let until = Date.now() + SLICE_MS;
    for (const record of records) {
      const { result, poison } = this.#decode(record, prefix);
      if (poison) refused.push({ record, error: poison });
      for (const { key, json, bytes } of result.events) await this.#sort({ key, json, bytes, offset: record.offset }, events);
      taken += result.events.length;
      if (Date.now() < until) continue;
      await new Promise((resolve) => setImmediate(resolve));
      until = Date.now() + SLICE_MS;
    }
    await this.#pace(flow, taken, control);
    if (flow.closed) throw new FencedError('lost while reading');
    const poison = new Set(refused.map(({ record }) => record.offset));
    this.#count(records.length, taken, refused);
    flow.take(events, refused, records.at(-1)!.offset + 1, control, Date.now());
    const why = this.#limit(flow.at).note(records.map(({ offset }) => poison.has(offset)));
    if (!why) return;
    await this.#stop(flow.at, { code: 'T6103', why });
    throw new HeldError(why);
  }

  #sort(event: SourcedEvent, into: Map<number, SourcedEvent[]>): void | Promise<void> {
    const partition = this.keys.of(event.key, Date.now());
    if (typeof partition !== 'number') return partition.then((known) => put(into, known, event));
    put(into, partition, event);
  }

  #decode(record: LogRecord, prefix: string): Decoded {
    const { MAX_RECORD_BYTES, MAX_EVENTS, EVENT_MAX_AGE_MS, PARTITION_KEY, MAX_EVENT_BYTES } = this.plant.config;
    const now = Date.now();
    const policy = {
      now,
      maxAge: EVENT_MAX_AGE_MS,
      isShed: (event: RawEvent) => this.plant.degrade.check(this.source.name, event, now) !== undefined,
      encode: (event: RawEvent) => encode(event, PARTITION_KEY, MAX_EVENT_BYTES),
    };
    const decoded = decodeRecord(record, prefix, this.source, { maxRecordBytes: MAX_RECORD_BYTES, maxEvents: MAX_EVENTS }, policy);
    const { counts } = this.plant.publication;
    counts.clamped += decoded.result.clamped;
    for (const [reason, dropped] of Object.entries(decoded.result.dropped)) increment(counts.dropped, reason as keyof typeof counts.dropped, dropped);
    return decoded;
  }

  #count(records: number, events: number, refused: readonly Refused[]): void {
    this.counts.records += records;
    this.counts.events += events;
    this.plant.publication.counts.accepted.kafka += events;
    for (const { error } of refused) this.#refused(error.code, 1);
  }

  /** Waits while the source sends more than its rate: nothing is refused, it becomes lag. */
  async #pace(flow: SourcePartition, events: number, control: BatchControl): Promise<void> {
    while (this.#bucket && !flow.closed) {
      const wait = this.#bucket.take(events, Date.now());
      if (wait === 0) return;
      await delay(Math.min(wait, this.plant.config.KAFKA_HEARTBEAT_INTERVAL_MS));
      await control.heartbeat();
    }
  }

  #limit(at: TopicPartition): PoisonLimit {
    const { POISON_WINDOW: window, POISON_PERCENT: percent, POISON_MAX_CONSECUTIVE: run } = this.plant.config;
    const limit = this.#limits.get(name(at)) ?? new PoisonLimit({ window, percent, run });
    this.#limits.set(name(at), limit);
    return limit;
  }

  /** The partition may go to another replica in a moment: what is under way is brought to its end, as far as that is quick. */
  async releasing(at: TopicPartition): Promise<void> {
    await this.#flows.get(name(at))?.drain(ROOM_MS / 2);
  }

  revoked(at: TopicPartition): void {
    this.#drop(at);
    this.#holds.forget(at);
  }

  #drop(at: TopicPartition): void {
    const flow = this.#flows.get(name(at));
    if (!flow) return;
    this.#flows.delete(name(at));
    flow.close();
    const released = flow
      .release(Date.now())
      .catch((error: unknown) => this.#logger.debug(`${name(at)} could not be released: ${String(error)}`))
      .finally(() => this.#releasing.delete(released));
    this.#releasing.add(released);
  }

  /** Finishes what is under way within `ms`, leaves the cluster, lets others have the partitions. */
  async stop(ms: number): Promise<void> {
    await Promise.all([...this.#flows.values()].map((flow) => flow.drain(ms)));
    await this.consumer?.stop();
    for (const { at } of [...this.#flows.values()]) this.#drop(at);
    await Promise.all(this.#releasing);
  }
}

function put(into: Map<number, SourcedEvent[]>, partition: number, event: SourcedEvent): void {
  const list = into.get(partition);
  if (list) list.push(event);
  else into.set(partition, [event]);
}
