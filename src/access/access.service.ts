import { createHash, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { DECOMPRESSED_TIMES } from '../http/decompress.js';
import { TocsinError } from '../shared/errors.js';
import { AlertProblem, answerProblems, readAlert, readAlerts, rejectedAlert, type AlertAnswer } from './alerts.js';
import { count, type AccessCounts, type DropReason, type Door } from './counts.js';
import { DegradeService } from './degrade/degrade.service.js';
import { encode, type Encoded, tooLarge } from './envelope.js';
import type { FormatRequest, Item } from './formats/format.js';
import { formats, type FormatName } from './formats/formats.js';
import type { Mapping } from './formats/mapping.js';
import { type Intake, type ItemError, noIntake, sift, siftEvent, type Sieve, withoutTooLarge } from './ingest-result.js';
import { PublicationService } from './publication.service.js';
import { RateService, type Rated } from './rate.service.js';
import { Rejection } from './rejection.js';
import { eventsOf, type Written } from './remote-write/remote-write.js';
import { uncompress } from './remote-write/snappy.js';
import { decodeWriteRequest } from './remote-write/write-request.js';

/** What the doors need to know of the declared source that a request comes from. */
export interface Sender extends Rated {
  readonly business?: string | undefined;
  readonly mapping?: Mapping | undefined;
}

/** A request with data in it. */
export interface Arrival {
  readonly body: Buffer;
  readonly contentType?: string | undefined;
  readonly headers?: Readonly<Record<string, unknown>>;
  /** The business that the request names. */
  readonly business: string | undefined;
  /** The declared source that it comes from, if any. */
  readonly sender?: Sender | undefined;
}

/** What became of the items of a request. */
export interface Receipt {
  readonly accepted: number;
  readonly rejected: number;
  /** How many were dropped although nothing is wrong with them, by reason; absent when none was. */
  readonly dropped?: Partial<Record<DropReason, number>>;
  readonly errors: readonly ItemError[];
}

/**
 * The doors: what a sender hands in is read, checked item by item, and answered only after the log has it. One bad item costs only itself.
 * All throw {@link TocsinError} T1201, T1202, T1301 and T1302 when the sender must come again.
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

  /** What has come in, for the metrics. */
  get counts(): AccessCounts {
    return this.#publication.counts;
  }

  /** Events in a format. Throws {@link TocsinError} T1001 and T1002 for a body without items, T1009 when no item was acceptable, T1010, T1016, T1017. */
  async take(door: Door, format: FormatName, arrival: Arrival): Promise<Receipt> {
    return this.takeItems(door, arrival, (request) => formats[format].read(arrival.body, request));
  }

  /** As {@link take}, where the door knows how to read the items. */
  async takeItems(door: Door, arrival: Arrival, read: (request: FormatRequest) => readonly Item[]): Promise<Receipt> {
    this.#admit(door, arrival.sender);
    if (arrival.body.length === 0 && !arrival.headers?.['ce-specversion']) throw new TocsinError('T1001', 'request body is empty');
    const now = Date.now();
    const intake = await this.#published(door, arrival.sender, sift(read(this.#request(arrival, now)), this.#sieve(arrival.sender, now)));
    const receipt = receiptOf(intake);
    const [first] = intake.errors;
    if (receipt.accepted === 0 && receipt.rejected > 0 && !receipt.dropped && first)
      throw new TocsinError('T1009', `${first.code} ${first.message}`, receipt);
    return receipt;
  }

  /** Our own events, as JSON or JSON lines; throws as {@link take}. */
  takeEvents(arrival: Arrival): Promise<Receipt> {
    return this.take('events', 'tocsin', arrival);
  }

  /**
   * Remote write 1.0 samples. Throws {@link TocsinError} T1003, T1008, T1010, and, after the others are in the log, the reason of the first
   * sample that was refused.
   */
  async takeSamples({ body, business, sender }: Arrival): Promise<void> {
    this.#admit('remote_write', sender);
    const written = this.#readSamples(body, business ?? sender?.business ?? this.#config.DEFAULT_BUSINESS);
    const sifted = noIntake();
    const sieve = this.#sieve(sender, Date.now());
    written.events.forEach((event, index) => siftEvent(event, index, sieve, sifted));
    const intake = await this.#published('remote_write', sender, sifted);
    this.#countSamples(written);
    const refused = [...written.rejections.map(({ rejection }) => rejection), ...intake.errors.filter(({ code }) => code !== 'T1015')];
    const rejected = written.rejections.reduce((sum, { samples }) => sum + samples, receiptOf(intake).rejected);
    if (refused[0]) throw new TocsinError(refused[0].code, refused[0].message, { accepted: intake.events.length, rejected });
  }

  /** Alerts as Prometheus posts them to Alertmanager. Resolves to the answer when something is wrong with some of them; the others are taken. Throws {@link TocsinError} T1001, T1002, T1010. */
  async takeAlerts({ body, business, sender }: Arrival): Promise<AlertAnswer | undefined> {
    this.#admit('alertmanager', sender);
    const items = readAlerts(body);
    if (!Array.isArray(items)) return items;
    if (items.length > this.#config.MAX_EVENTS) throw new TocsinError('T1010', `at most ${this.#config.MAX_EVENTS}`);
    const { places, problems } = this.#readAlerts(items, business ?? sender?.business ?? this.#config.DEFAULT_BUSINESS);
    for (const event of await this.#publish('alertmanager', sender, [...places.keys()])) {
      problems.set(places.get(event)!, rejectedAlert(tooLarge(event), places.get(event)!));
    }
    for (const { reason } of problems.values()) count(this.counts.rejected, reason);
    return answerProblems([...problems].sort(([a], [b]) => a - b).map(([, problem]) => problem));
  }

  /** Before any work is put into a request. */
  #admit(door: Door, sender: Sender | undefined): void {
    this.#publication.admit(door);
    this.#refusing(() => this.#rates.admit(sender, door, Date.now()));
  }

  /** Publishes what an intake holds, and counts what it comes to. Answers it as it is then. */
  async #published(door: Door, sender: Sender | undefined, sifted: Intake): Promise<Intake> {
    const intake = withoutTooLarge(sifted, await this.#publish(door, sender, sifted.events));
    this.#count(intake);
    return intake;
  }

  /** Answers the events that are too large for the log; the others are in it. */
  #publish(door: Door, sender: Sender | undefined, events: readonly Encoded[]): Promise<readonly Encoded[]> {
    this.#refusing(() => this.#rates.charge(sender, door, events.length, Date.now()));
    return this.#publication.publish(door, events);
  }

  #refusing(ask: () => void): void {
    try {
      ask();
    } catch (error) {
      if (error instanceof TocsinError) count(this.counts.refused, error.code);
      throw error;
    }
  }

  #request({ body, contentType, headers, business, sender }: Arrival, now: number): FormatRequest {
    const named = business ?? sender?.business;
    const owner = sender ? `${sender.name}\n${named}\n` : `${named}\n`;
    let contentId: string | undefined;
    return {
      now,
      business: named,
      // Only items that bring no id of their own need it.
      get contentId() {
        return (contentId ??= createHash('sha256').update(owner).update(body).digest('hex').slice(0, 32));
      },
      arrivalId: randomUUID(),
      contentType,
      headers,
      most: this.#config.MAX_EVENTS,
      source: sender?.name,
      mapping: sender?.mapping,
    };
  }

  #sieve(sender: Sender | undefined, now: number): Sieve {
    return {
      now,
      maxAge: this.#config.EVENT_MAX_AGE_MS,
      sheds: (event) => this.#degrade.judge(sender?.name, event, now) !== undefined,
      encode: (event) => encode(event, this.#config.PARTITION_KEY, this.#config.MAX_EVENT_BYTES),
    };
  }

  /** The alerts that are all right, and what is wrong with the others, each with its place in the request. */
  #readAlerts(items: readonly unknown[], business: string): { places: Map<Encoded, number>; problems: Map<number, AlertProblem> } {
    const arrivalId = randomUUID();
    const now = Date.now();
    const places = new Map<Encoded, number>();
    const problems = new Map<number, AlertProblem>();
    items.forEach((item, index) => {
      const read = readAlert(item, index, { now, business, id: `${arrivalId}-${index}` });
      const encoded = read instanceof AlertProblem ? read : encode(read, this.#config.PARTITION_KEY, this.#config.MAX_EVENT_BYTES);
      if (encoded instanceof AlertProblem) problems.set(index, encoded);
      else if (encoded instanceof Rejection) problems.set(index, rejectedAlert(encoded, index));
      else places.set(encoded, index);
    });
    return { places, problems };
  }

  #readSamples(body: Buffer, business: string): Written {
    const { MAX_BODY_BYTES, MAX_EVENTS } = this.#config;
    const limit = MAX_BODY_BYTES * DECOMPRESSED_TIMES;
    const bytes = uncompress(body, limit);
    if (bytes === 'too large') throw new TocsinError('T1003', `more than ${limit} bytes when decompressed`);
    if (bytes === 'malformed') throw new TocsinError('T1008', 'invalid snappy block');
    const request = decodeWriteRequest(bytes, MAX_EVENTS);
    if (!request) throw new TocsinError('T1008', 'invalid prometheus.WriteRequest');
    if (Math.max(request.samples, request.series.length) > MAX_EVENTS) throw new TocsinError('T1010', `at most ${MAX_EVENTS}`);
    return eventsOf(request.series, business, Date.now());
  }

  #count({ errors, dropped, clamped }: Intake): void {
    for (const { code } of errors) if (code !== 'T1015') count(this.counts.rejected, code);
    for (const reason of Object.keys(dropped) as DropReason[]) this.counts.dropped[reason] += dropped[reason]!;
    this.counts.clamped += clamped;
  }

  #countSamples({ dropped, rejections, clamped }: Written): void {
    for (const reason of Object.keys(dropped) as (keyof Written['dropped'])[]) this.counts.dropped[reason] += dropped[reason];
    for (const { rejection, samples } of rejections) count(this.counts.rejected, rejection.code, samples);
    this.counts.clamped += clamped;
  }
}

function receiptOf({ events, errors, dropped }: Intake): Receipt {
  const rejected = errors.length - (dropped.expired ?? 0);
  return { accepted: events.length, rejected, ...(Object.keys(dropped).length > 0 && { dropped }), errors };
}
