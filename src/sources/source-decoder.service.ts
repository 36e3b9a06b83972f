import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { EventLog, type LogRecord, type TopicPartition } from '../log/event-log.js';
import type { PoisonRecord } from '../log/consuming/claimed-batch.js';
import { type RawEvent, topics } from '../topics.js';
import { increment } from '../access/counts.js';
import { DegradeService } from '../access/degrade/degrade.service.js';
import { encode } from '../access/envelope.js';
import { PublicationService } from '../access/publication.service.js';
import type { KafkaSource } from '../access/registry/source.js';
import { type Decoded, decodeRecord, idPrefix } from './decode.js';
import { KeyPartitions } from './key-partitions.js';
import type { SourcedEvent } from './source-partition.service.js';

/** Maximum time (ms) of decoding before other work runs. */
const SLICE_MS = 8;

/** The events of a batch of records. */
export interface DecodedBatch {
  /** By partition of raw_events, in the order of the records. */
  readonly events: ReadonlyMap<number, readonly SourcedEvent[]>;
  readonly size: number;
  readonly poison: readonly PoisonRecord[];
}

/** Decodes the records of sources; their events pass the same validation and filters as those of a request. */
@Injectable()
export class SourceDecoder {
  readonly #partitions: KeyPartitions;

  constructor(
    private readonly config: Config,
    private readonly degrade: DegradeService,
    private readonly publication: PublicationService,
    eventLog: EventLog,
  ) {
    this.#partitions = new KeyPartitions((key) => eventLog.partitionFor(topics.rawEvents.name, key));
  }

  async decode(source: KafkaSource, at: TopicPartition, records: readonly LogRecord[]): Promise<DecodedBatch> {
    const events = new Map<number, SourcedEvent[]>();
    const poison: PoisonRecord[] = [];
    const prefix = idPrefix(source.name, at);
    let size = 0;
    let until = Date.now() + SLICE_MS;
    for (const record of records) {
      const decoded = this.#decode(source, record, prefix);
      if (decoded.poison) poison.push({ record, error: decoded.poison });
      for (const { key, json, bytes } of decoded.result.events) await this.#assign({ key, json, bytes, offset: record.offset }, events);
      size += decoded.result.events.length;
      if (Date.now() < until) continue;
      await new Promise((resolve) => setImmediate(resolve));
      until = Date.now() + SLICE_MS;
    }
    return { events, size, poison };
  }

  /** Counts published events of a source. */
  accepted(events: number): void {
    this.publication.counts.accepted.kafka += events;
  }

  #assign(event: SourcedEvent, to: Map<number, SourcedEvent[]>): void | Promise<void> {
    const partition = this.#partitions.of(event.key, Date.now());
    if (typeof partition !== 'number') return partition.then((known) => put(to, known, event));
    put(to, partition, event);
  }

  #decode(source: KafkaSource, record: LogRecord, prefix: string): Decoded {
    const { MAX_RECORD_BYTES, MAX_EVENTS, EVENT_MAX_AGE_MS, PARTITION_KEY, MAX_EVENT_BYTES } = this.config;
    const now = Date.now();
    const policy = {
      now,
      maxAge: EVENT_MAX_AGE_MS,
      isShed: (event: RawEvent) => this.degrade.check(source.name, event, now) !== undefined,
      encode: (event: RawEvent) => encode(event, PARTITION_KEY, MAX_EVENT_BYTES),
    };
    const decoded = decodeRecord(record, prefix, source, { maxRecordBytes: MAX_RECORD_BYTES, maxEvents: MAX_EVENTS }, policy);
    const { counts } = this.publication;
    counts.clamped += decoded.result.clamped;
    for (const [reason, dropped] of Object.entries(decoded.result.dropped)) increment(counts.dropped, reason as keyof typeof counts.dropped, dropped);
    return decoded;
  }
}

function put(to: Map<number, SourcedEvent[]>, partition: number, event: SourcedEvent): void {
  const list = to.get(partition);
  if (list) list.push(event);
  else to.set(partition, [event]);
}
