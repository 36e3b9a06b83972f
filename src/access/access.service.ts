import { createHash, randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config.js';
import { DECOMPRESSED_TIMES } from '../http/decompress.js';
import { TocsinError, type ErrorCode } from '../shared/errors.js';
import type { RawEvent } from '../topics.js';
import { AlertProblem, answerProblems, readAlert, readAlerts, rejectedAlert, type AlertAnswer } from './alerts.js';
import { count, type AccessCounts } from './counts.js';
import { encode, type Encoded } from './envelope.js';
import { readItems } from './items.js';
import { normalise, type Request } from './normalise.js';
import { PublicationService } from './publication.service.js';
import { Rejection } from './rejection.js';
import { eventsOf, type Written } from './remote-write.js';
import { uncompress } from './snappy.js';
import { decodeWriteRequest } from './write-request.js';

/** A request with data in it. */
export interface Arrival {
  readonly body: Buffer;
  readonly contentType?: string;
  /** The business that the request names. */
  readonly business: string | undefined;
}

/** What became of the items of a request. */
export interface Receipt {
  readonly accepted: number;
  readonly rejected: number;
  readonly errors: readonly ItemError[];
}

export interface ItemError {
  /** Place of the item in the request, from 0. */
  readonly index: number;
  readonly code: ErrorCode;
  readonly message: string;
}

/**
 * The doors: what a sender hands in is read, checked item by item, and answered only after the log has it. One bad item costs only itself.
 * All throw {@link TocsinError} T1201 and T1202 when the sender must come again.
 */
@Injectable()
export class AccessService {
  readonly #config: Config;
  readonly #publication: PublicationService;

  constructor(@Inject(CONFIG) config: Config, publication: PublicationService) {
    this.#config = config;
    this.#publication = publication;
  }

  /** What has come in, for the metrics. */
  get counts(): AccessCounts {
    return this.#publication.counts;
  }

  /** Events as JSON or JSON lines. Throws {@link TocsinError} T1001 and T1002 for a body without items, T1009 when no item was acceptable, T1010. */
  async takeEvents({ body, contentType, business }: Arrival): Promise<Receipt> {
    this.#publication.admit('events');
    if (body.length === 0) throw new TocsinError('T1001', 'the body is empty');
    const items = readItems(body, contentType, this.#config.MAX_EVENTS);
    const contentId = createHash('sha256').update(`${business}\n`).update(body).digest('hex').slice(0, 32);
    const { events, errors } = this.#readEvents(items, { now: Date.now(), business, contentId, arrivalId: randomUUID() });
    await this.#publication.publish('events', events);
    for (const { code } of errors) count(this.counts.rejected, code);
    const receipt = { accepted: events.length, rejected: errors.length, errors };
    if (events.length === 0 && errors[0]) throw new TocsinError('T1009', `${errors[0].code} ${errors[0].message}`, receipt);
    return receipt;
  }

  /**
   * Remote write 1.0 samples. Throws {@link TocsinError} T1003, T1008, T1010, and, after the others are in the log, the reason of the first
   * sample that was refused.
   */
  async takeSamples({ body, business = this.#config.DEFAULT_BUSINESS }: Arrival): Promise<void> {
    this.#publication.admit('remote_write');
    const written = this.#readSamples(body, business);
    const events: Encoded[] = [];
    for (const event of written.events) {
      const encoded = this.#encode(event);
      if (encoded instanceof Rejection) written.rejections.push({ rejection: encoded, samples: 1 });
      else events.push(encoded);
    }
    await this.#publication.publish('remote_write', events);
    this.#countSamples(written);
    const rejected = written.rejections.reduce((sum, { samples }) => sum + samples, 0);
    const first = written.rejections[0]?.rejection;
    if (first) throw new TocsinError(first.code, first.message, { accepted: events.length, rejected });
  }

  /** Alerts as Prometheus posts them to Alertmanager. Resolves to the answer when something is wrong with some of them; the others are taken. Throws {@link TocsinError} T1001, T1002, T1010. */
  async takeAlerts({ body, business = this.#config.DEFAULT_BUSINESS }: Arrival): Promise<AlertAnswer | undefined> {
    this.#publication.admit('alertmanager');
    const items = readAlerts(body);
    if (!Array.isArray(items)) return items;
    if (items.length > this.#config.MAX_EVENTS) throw new TocsinError('T1010', `at most ${this.#config.MAX_EVENTS}`);
    const { events, problems } = this.#readAlerts(items, business);
    await this.#publication.publish('alertmanager', events);
    for (const { reason } of problems) count(this.counts.rejected, reason);
    return answerProblems(problems);
  }

  #readEvents(items: readonly unknown[], request: Request): { events: Encoded[]; errors: ItemError[] } {
    const events: Encoded[] = [];
    const errors: ItemError[] = [];
    items.forEach((item, index) => {
      const normalised = item instanceof Rejection ? item : normalise(item, index, request);
      const encoded = normalised instanceof Rejection ? normalised : this.#encode(normalised.event);
      if (encoded instanceof Rejection) errors.push({ index, ...encoded });
      else events.push(encoded);
      if ('clamped' in normalised && normalised.clamped) this.counts.clamped++;
    });
    return { events, errors };
  }

  #readAlerts(items: readonly unknown[], business: string): { events: Encoded[]; problems: AlertProblem[] } {
    const arrivalId = randomUUID();
    const now = Date.now();
    const events: Encoded[] = [];
    const problems: AlertProblem[] = [];
    items.forEach((item, index) => {
      const read = readAlert(item, index, { now, business, id: `${arrivalId}-${index}` });
      const encoded = read instanceof AlertProblem ? read : this.#encode(read);
      if (encoded instanceof AlertProblem) problems.push(encoded);
      else if (encoded instanceof Rejection) problems.push(rejectedAlert(encoded, index));
      else events.push(encoded);
    });
    return { events, problems };
  }

  #readSamples(body: Buffer, business: string): Written {
    const { MAX_BODY_BYTES, MAX_EVENTS } = this.#config;
    const limit = MAX_BODY_BYTES * DECOMPRESSED_TIMES;
    const bytes = uncompress(body, limit);
    if (bytes === 'too large') throw new TocsinError('T1003', `more than ${limit} bytes when decompressed`);
    if (bytes === 'malformed') throw new TocsinError('T1008', 'not a snappy block');
    const request = decodeWriteRequest(bytes, MAX_EVENTS);
    if (!request) throw new TocsinError('T1008', 'not a prometheus.WriteRequest');
    if (Math.max(request.samples, request.series.length) > MAX_EVENTS) throw new TocsinError('T1010', `at most ${MAX_EVENTS}`);
    return eventsOf(request.series, business, Date.now());
  }

  #encode(event: RawEvent): Encoded | Rejection {
    return encode(event, this.#config.PARTITION_KEY, this.#config.MAX_EVENT_BYTES);
  }

  #countSamples({ dropped, rejections, clamped }: Written): void {
    for (const reason of Object.keys(dropped) as (keyof Written['dropped'])[]) this.counts.dropped[reason] += dropped[reason];
    for (const { rejection, samples } of rejections) count(this.counts.rejected, rejection.code, samples);
    this.counts.clamped += clamped;
  }
}
