import { createHash, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { DECOMPRESSED_TIMES } from '../http/decompress.js';
import { TocsinError } from '../shared/errors.js';
import { AlertProblem, problemsResponse, readAlert, readAlerts, rejectedAlert, type AlertResponse } from './alerts.js';
import { increment, type AccessCounts, type DropReason, type IngestEndpoint } from './counts.js';
import { DegradeService } from './degrade/degrade.service.js';
import { encode, type EncodedEvent, tooLarge } from './envelope.js';
import type { FormatRequest, Item } from './formats/format.js';
import { formats, type FormatName } from './formats/formats.js';
import type { Mapping } from './formats/mapping.js';
import {
  type IngestResult,
  type ItemError,
  emptyIngestResult,
  admitItems,
  admitEvent,
  type AdmissionPolicy,
  withoutTooLarge,
} from './ingest-result.js';
import { PublicationService } from './publication.service.js';
import { RateService, type RateLimitedSource } from './rate.service.js';
import { Rejection } from './rejection.js';
import { remoteWriteEvents, type RemoteWriteResult } from './remote-write/remote-write.js';
import { uncompress } from './remote-write/snappy.js';
import { decodeWriteRequest } from './remote-write/write-request.js';

/** The properties of a declared source that ingestion needs. */
export interface Sender extends RateLimitedSource {
  readonly business?: string | undefined;
  readonly mapping?: Mapping | undefined;
}

/** A request that carries events. */
export interface IngestRequest {
  readonly body: Buffer;
  readonly contentType?: string | undefined;
  readonly headers?: Readonly<Record<string, unknown>>;
  /** The business that the request names. */
  readonly business: string | undefined;
  /** The declared source that sent it, if any. */
  readonly sender?: Sender | undefined;
}

/** Response to a request: the result for its items. */
export interface IngestResponse {
  readonly accepted: number;
  readonly rejected: number;
  /** Valid items that were dropped, by reason; absent when there are none. */
  readonly dropped?: Partial<Record<DropReason, number>>;
  readonly errors: readonly ItemError[];
}

/**
 * Ingestion: parses a request, validates each item, and responds only after the log has acknowledged the events. An invalid item does not affect
 * the others. All methods throw {@link TocsinError} T1201, T1202, T1301 and T1302 when the sender must retry.
 */
@Injectable()
export class AccessService {
  readonly #config: Config;
  readonly #publication: PublicationService;
  readonly #degrade: DegradeService;
  readonly #rates: RateService;

  constructor(config: Config, publication: PublicationService, degrade: DegradeService, rates: RateService) {
    this.#config = config;
    this.#publication = publication;
    this.#degrade = degrade;
    this.#rates = rates;
  }

  /** Counts of ingested events, for the metrics. */
  get counts(): AccessCounts {
    return this.#publication.counts;
  }

  /** Ingests events in a format. Throws {@link TocsinError} T1001 and T1002 (no items), T1009 (no valid item), T1010, T1016, T1017. */
  async ingest(endpoint: IngestEndpoint, format: FormatName, request: IngestRequest): Promise<IngestResponse> {
    return this.ingestItems(endpoint, request, (context) => formats[format].read(request.body, context));
  }

  /** As {@link ingest}, with a reader for the items. */
  async ingestItems(endpoint: IngestEndpoint, request: IngestRequest, read: (context: FormatRequest) => readonly Item[]): Promise<IngestResponse> {
    this.#admit(endpoint, request.sender);
    if (request.body.length === 0 && !request.headers?.['ce-specversion']) throw new TocsinError('T1001', 'request body is empty');
    const now = Date.now();
    const result = await this.#publishAdmitted(
      endpoint,
      request.sender,
      admitItems(read(this.#formatRequest(request, now)), this.#admissionPolicy(request.sender, now)),
    );
    const response = responseOf(result);
    const [first] = result.errors;
    if (response.accepted === 0 && response.rejected > 0 && !response.dropped && first)
      throw new TocsinError('T1009', `${first.code} ${first.message}`, response);
    return response;
  }

  /** Ingests events in Tocsin's format, as JSON or JSON lines; throws as {@link ingest}. */
  ingestEvents(request: IngestRequest): Promise<IngestResponse> {
    return this.ingest('events', 'tocsin', request);
  }

  /**
   * Ingests remote write 1.0 samples. Throws {@link TocsinError} T1003, T1008, T1010, and, after the valid samples are in the log, the error of the
   * first rejected sample.
   */
  async ingestSamples({ body, business, sender }: IngestRequest): Promise<void> {
    this.#admit('remote_write', sender);
    const decoded = this.#readSamples(body, business ?? sender?.business ?? this.#config.DEFAULT_BUSINESS);
    const admitted = emptyIngestResult();
    const policy = this.#admissionPolicy(sender, Date.now());
    decoded.events.forEach((event, index) => admitEvent(event, index, policy, admitted));
    const result = await this.#publishAdmitted('remote_write', sender, admitted);
    this.#countSamples(decoded);
    const refused = [...decoded.rejections.map(({ rejection }) => rejection), ...result.errors.filter(({ code }) => code !== 'T1015')];
    const rejected = decoded.rejections.reduce((sum, { samples }) => sum + samples, responseOf(result).rejected);
    if (refused[0]) throw new TocsinError(refused[0].code, refused[0].message, { accepted: result.events.length, rejected });
  }

  /**
   * Ingests alerts that Prometheus posts to Alertmanager. Resolves to a response when some have problems; the others are accepted.
   * Throws {@link TocsinError} T1001, T1002, T1010.
   */
  async ingestAlerts({ body, business, sender }: IngestRequest): Promise<AlertResponse | undefined> {
    this.#admit('alertmanager', sender);
    const items = readAlerts(body);
    if (!Array.isArray(items)) return items;
    if (items.length > this.#config.MAX_EVENTS) throw new TocsinError('T1010', `at most ${this.#config.MAX_EVENTS}`);
    const { places, problems } = this.#readAlerts(items, business ?? sender?.business ?? this.#config.DEFAULT_BUSINESS);
    for (const event of await this.#publish('alertmanager', sender, [...places.keys()])) {
      problems.set(places.get(event)!, rejectedAlert(tooLarge(event), places.get(event)!));
    }
    for (const { reason } of problems.values()) increment(this.counts.rejected, reason);
    return problemsResponse([...problems].sort(([a], [b]) => a - b).map(([, problem]) => problem));
  }

  /** Rejects a request before it is parsed. */
  #admit(endpoint: IngestEndpoint, sender: Sender | undefined): void {
    this.#publication.admit(endpoint);
    this.#countingRefusals(() => this.#rates.admit(sender, endpoint, Date.now()));
  }

  /** Publishes the admitted events, and counts the result with the events that the log rejected as too large. */
  async #publishAdmitted(endpoint: IngestEndpoint, sender: Sender | undefined, admitted: IngestResult): Promise<IngestResult> {
    const result = withoutTooLarge(admitted, await this.#publish(endpoint, sender, admitted.events));
    this.#count(result);
    return result;
  }

  /** Resolves to the events that are too large for the log; the others are stored. */
  #publish(endpoint: IngestEndpoint, sender: Sender | undefined, events: readonly EncodedEvent[]): Promise<readonly EncodedEvent[]> {
    this.#countingRefusals(() => this.#rates.charge(sender, endpoint, events.length, Date.now()));
    return this.#publication.publish(endpoint, events);
  }

  #countingRefusals(check: () => void): void {
    try {
      check();
    } catch (error) {
      if (error instanceof TocsinError) increment(this.counts.refused, error.code);
      throw error;
    }
  }

  #formatRequest({ body, contentType, headers, business, sender }: IngestRequest, now: number): FormatRequest {
    const named = business ?? sender?.business;
    const owner = sender ? `${sender.name}\n${named}\n` : `${named}\n`;
    let contentId: string | undefined;
    return {
      now,
      business: named,
      // Only items without an id need it.
      get contentId() {
        return (contentId ??= createHash('sha256').update(owner).update(body).digest('hex').slice(0, 32));
      },
      requestId: randomUUID(),
      contentType,
      headers,
      most: this.#config.MAX_EVENTS,
      source: sender?.name,
      mapping: sender?.mapping,
    };
  }

  #admissionPolicy(sender: Sender | undefined, now: number): AdmissionPolicy {
    return {
      now,
      maxAge: this.#config.EVENT_MAX_AGE_MS,
      isShed: (event) => this.#degrade.check(sender?.name, event, now) !== undefined,
      encode: (event) => encode(event, this.#config.PARTITION_KEY, this.#config.MAX_EVENT_BYTES),
    };
  }

  /** Valid alerts and the problems of the others, each with its index in the request. */
  #readAlerts(items: readonly unknown[], business: string): { places: Map<EncodedEvent, number>; problems: Map<number, AlertProblem> } {
    const requestId = randomUUID();
    const now = Date.now();
    const places = new Map<EncodedEvent, number>();
    const problems = new Map<number, AlertProblem>();
    items.forEach((item, index) => {
      const read = readAlert(item, index, { now, business, id: `${requestId}-${index}` });
      const encoded = read instanceof AlertProblem ? read : encode(read, this.#config.PARTITION_KEY, this.#config.MAX_EVENT_BYTES);
      if (encoded instanceof AlertProblem) problems.set(index, encoded);
      else if (encoded instanceof Rejection) problems.set(index, rejectedAlert(encoded, index));
      else places.set(encoded, index);
    });
    return { places, problems };
  }

  #readSamples(body: Buffer, business: string): RemoteWriteResult {
    const { MAX_BODY_BYTES, MAX_EVENTS } = this.#config;
    const limit = MAX_BODY_BYTES * DECOMPRESSED_TIMES;
    const bytes = uncompress(body, limit);
    if (bytes === 'too large') throw new TocsinError('T1003', `more than ${limit} bytes when decompressed`);
    if (bytes === 'malformed') throw new TocsinError('T1008', 'invalid snappy block');
    const request = decodeWriteRequest(bytes, MAX_EVENTS);
    if (!request) throw new TocsinError('T1008', 'invalid prometheus.WriteRequest');
    if (Math.max(request.samples, request.series.length) > MAX_EVENTS) throw new TocsinError('T1010', `at most ${MAX_EVENTS}`);
    return remoteWriteEvents(request.series, business, Date.now());
  }

  #count({ errors, dropped, clamped }: IngestResult): void {
    for (const { code } of errors) if (code !== 'T1015') increment(this.counts.rejected, code);
    for (const reason of Object.keys(dropped) as DropReason[]) this.counts.dropped[reason] += dropped[reason]!;
    this.counts.clamped += clamped;
  }

  #countSamples({ dropped, rejections, clamped }: RemoteWriteResult): void {
    for (const reason of Object.keys(dropped) as (keyof RemoteWriteResult['dropped'])[]) this.counts.dropped[reason] += dropped[reason];
    for (const { rejection, samples } of rejections) increment(this.counts.rejected, rejection.code, samples);
    this.counts.clamped += clamped;
  }
}

function responseOf({ events, errors, dropped }: IngestResult): IngestResponse {
  const rejected = errors.length - (dropped.expired ?? 0);
  return { accepted: events.length, rejected, ...(Object.keys(dropped).length > 0 && { dropped }), errors };
}
