import { setTimeout as delay } from 'node:timers/promises';
import type { SentAlerts } from './senders.js';
import type { RuleChange, SentEvent } from './workload.js';
import type { Random } from './random.js';
import type { StrategyInput } from '../../src/detect/strategy.js';

const REQUEST_MS = 20_000;
const PAUSE_MS = 100;

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** What senders were promised, and how hard it was. */
export interface Promises {
  /** Ids of the events that were answered 2xx. */
  readonly events: Set<string>;
  /** Marks of the alerts that were answered 2xx. */
  readonly marks: Set<string>;
  /** Answers that should never come, in words. */
  readonly refusals: string[];
  requests: number;
  /** Requests that had to be sent again: no answer, 429 or 5xx. */
  retries: number;
}

/** A sender who does not give up: whatever is not answered for good is sent again, the very same bytes, to whichever replica listens. */
export class Sender {
  readonly promises: Promises = { events: new Set(), marks: new Set(), refusals: [], requests: 0, retries: 0 };
  readonly #ids = new Map<string, number>();
  #givesUp = false;

  constructor(
    private readonly urls: () => readonly string[],
    private readonly random: Random,
  ) {}

  /** The run is over: requests without an answer stay without one. */
  giveUp(): void {
    this.#givesUp = true;
  }

  async sendEvents(events: readonly SentEvent[]): Promise<void> {
    const { status, body } = await this.#insist('POST', '/api/v1/events', JSON.stringify(events));
    const receipt = status === 202 ? (JSON.parse(body) as { accepted: number; rejected: number }) : undefined;
    if (receipt?.accepted === events.length && receipt.rejected === 0) for (const { event_id } of events) this.promises.events.add(event_id);
    else this.promises.refusals.push(`POST /api/v1/events: ${status} ${body.slice(0, 300)}`);
  }

  async sendAlerts({ business, mark, alerts }: SentAlerts): Promise<void> {
    const now = Date.now();
    const time = (ms: number): string => new Date(ms).toISOString();
    const written = alerts.map(({ labels, startsAt, holds }) => ({
      labels,
      annotations: { mark },
      startsAt: time(startsAt),
      ...(holds !== undefined && { endsAt: time(now + holds) }),
    }));
    const { status, body } = await this.#insist('POST', `/api/v2/alerts?bk_biz_id=${business}`, JSON.stringify(written));
    if (status === 200) this.promises.marks.add(mark);
    else this.promises.refusals.push(`POST /api/v2/alerts: ${status} ${body.slice(0, 300)}`);
  }

  /** Creates what the API has at `path`; answers it. */
  async create(path: string, what: object): Promise<unknown> {
    const { status, body } = await this.#insist('POST', path, JSON.stringify(what));
    if (status >= 300) throw new Error(`POST ${path}: ${status} ${body}`);
    return JSON.parse(body);
  }

  /** Creates strategies; one at a time, so that their ids are the same in every run. */
  async createRules(bodies: readonly StrategyInput[]): Promise<void> {
    for (const rule of bodies) {
      const { id } = (await this.create('/api/v1/strategies', rule)) as { id: number };
      this.#ids.set(`${rule.bk_biz_id} ${rule.name}`, id);
    }
  }

  /** Changes or deletes a strategy. A change whose answer was lost is made twice, a deletion then finds nothing. */
  async changeRule({ business, name, body: rule }: RuleChange): Promise<void> {
    const path = `/api/v1/strategies/${this.#ids.get(`${business} ${name}`)}`;
    const { status, body } = await (rule ? this.#insist('PUT', path, JSON.stringify(rule)) : this.#insist('DELETE', path));
    if (status >= 300 && !(status === 404 && !rule))
      this.promises.refusals.push(`${rule ? 'PUT' : 'DELETE'} ${path}: ${status} ${body.slice(0, 300)}`);
  }

  /** Sends until there is an answer that is neither "come again" nor "something broke". */
  async #insist(method: string, path: string, body?: string): Promise<Answer> {
    this.promises.requests++;
    for (;;) {
      const urls = this.urls();
      const answer = urls.length > 0 ? await request(method, this.random.pick(urls) + path, body) : undefined;
      if (answer && answer.status < 500 && answer.status !== 429) return answer;
      if (urls.length > 0) this.promises.retries++;
      if (this.#givesUp) throw new Error(`the run ended before ${method} ${path} was answered`);
      await delay(PAUSE_MS * this.random.between(0.5, 1.5));
    }
  }
}

/** Undefined when there was no answer. */
async function request(method: string, url: string, body: string | undefined): Promise<Answer | undefined> {
  try {
    const response = await fetch(url, {
      method,
      signal: AbortSignal.timeout(REQUEST_MS),
      ...(body !== undefined && { body, headers: { 'content-type': 'application/json' } }),
    });
    return { status: response.status, body: await response.text() };
  } catch {
    return undefined;
  }
}
