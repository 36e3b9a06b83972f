import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../config.js';
import { EventLog } from '../log/event-log.js';
import { TocsinError } from '../shared/errors.js';
import { topics } from '../topics.js';
import { increment, noCounts, type IngestEndpoint } from './counts.js';
import type { EncodedEvent, PackedRecord } from './envelope.js';
import { envelopesOf, publishEnvelopes } from './envelope-publisher.service.js';

/** How long (ms), and for how many keys, the partition of a key is cached; it expires because partitions may be added to the topic. */
const PARTITION_CACHE_MS = 30_000;
const MAX_CACHED_PARTITIONS = 10_000;

/**
 * The last step of every HTTP endpoint: events become records of `raw_events`. Nothing is buffered: when the log does not acknowledge, or too many
 * events are pending, the sender receives an error that asks for a retry.
 */
@Injectable()
export class PublicationService {
  readonly counts = noCounts();
  readonly #logger = new Logger('Access');
  readonly #partitions = new Map<string, number>();
  #partitionsUntil = 0;
  #logFails = false;

  constructor(
    private readonly config: Config,
    private readonly eventLog: EventLog,
  ) {}

  /**
   * Rejects a request that would exceed PENDING_EVENTS; call it before the request is parsed.
   * Throws {@link TocsinError} T1202, or T1201 to senders by remote write: Prometheus drops the samples after a 429 and retries after a 503.
   */
  admit(endpoint: IngestEndpoint, events = 1): void {
    if (this.counts.pending === 0 || this.counts.pending + events <= this.config.PENDING_EVENTS) return;
    const code = endpoint === 'remote_write' ? 'T1201' : 'T1202';
    increment(this.counts.refused, code);
    throw new TocsinError(code, `${this.counts.pending} events are pending`);
  }

  /**
   * Publishes events and resolves to those that are too large for the log; the others are acknowledged. Throws {@link TocsinError} as {@link admit},
   * and T1201 when the log did not acknowledge within PUBLISH_TIMEOUT_MS; some events may be in the log then.
   */
  async publish(endpoint: IngestEndpoint, events: readonly EncodedEvent[]): Promise<readonly EncodedEvent[]> {
    if (events.length === 0) return [];
    this.admit(endpoint, events.length);
    this.counts.pending += events.length;
    let tooLarge: readonly EncodedEvent[] = [];
    try {
      tooLarge = await publishEnvelopes(this.eventLog, await this.#records(events), { timeoutMs: this.config.PUBLISH_TIMEOUT_MS });
    } catch (error) {
      this.#noteLogFailure(error);
      increment(this.counts.refused, 'T1201');
      throw new TocsinError('T1201', 'events were not acknowledged; retry');
    } finally {
      this.counts.pending -= events.length;
    }
    this.#noteLogFailure(undefined);
    this.counts.accepted[endpoint] += events.length - tooLarge.length;
    return tooLarge;
  }

  /** Logs once that publishing fails and once that it works again, regardless of how many requests are affected. */
  #noteLogFailure(error: unknown): void {
    const fails = error !== undefined;
    if (fails === this.#logFails) return;
    this.#logFails = fails;
    if (fails)
      this.#logger.warn(
        `event log does not acknowledge events, senders receive a retryable status: ${error instanceof Error ? error.message : 'unknown reason'}`,
      );
    else this.#logger.log('event log acknowledges events again');
  }

  async #records(events: readonly EncodedEvent[]): Promise<PackedRecord[]> {
    this.#expirePartitions(Date.now());
    const partitions = new Map<number, EncodedEvent[]>();
    for (const event of events) {
      const partition = this.#partitions.get(event.key) ?? (await this.#lookUpPartition(event.key));
      const members = partitions.get(partition);
      if (members) members.push(event);
      else partitions.set(partition, [event]);
    }
    return [...partitions].flatMap(([partition, members]) => envelopesOf(this.eventLog, members, partition, this.config.ENVELOPE_EVENTS));
  }

  async #lookUpPartition(key: string): Promise<number> {
    const partition = await this.eventLog.partitionFor(topics.rawEvents.name, key);
    this.#partitions.set(key, partition);
    return partition;
  }

  #expirePartitions(now: number): void {
    if (now < this.#partitionsUntil && this.#partitions.size < MAX_CACHED_PARTITIONS) return;
    this.#partitions.clear();
    this.#partitionsUntil = now + PARTITION_CACHE_MS;
  }
}
