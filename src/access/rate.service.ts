import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { TocsinError } from '../shared/errors.js';
import type { IngestEndpoint } from './counts.js';
import { type RateLimit, TokenBucket } from './rate.js';

/** A source with its rate limit. */
export interface RateLimitedSource {
  readonly name: string;
  readonly rate?: RateLimit | undefined;
}

interface SourceBucket {
  readonly rate: RateLimit;
  readonly bucket: TokenBucket;
}

/** Token buckets of the sources, and one for requests without a source (ACCESS_RATE). Each replica has its own. */
@Injectable()
export class RateService {
  readonly #anonymous: RateLimit | undefined;
  readonly #buckets = new Map<string, SourceBucket>();

  constructor(config: Config) {
    this.#anonymous = config.ACCESS_RATE;
  }

  /**
   * Admits or rejects a request as a whole. Throws {@link TocsinError} T1301 with the time to wait before a retry; T1302 to senders by remote
   * write, because Prometheus retries after 503 but drops the samples after 429.
   */
  charge(source: RateLimitedSource | undefined, endpoint: IngestEndpoint, events: number, now: number): void {
    const wait = events === 0 ? 0 : (this.#bucket(source, now)?.take(events, now) ?? 0);
    if (wait > 0) throw rateLimitError(source, endpoint, wait);
  }

  /** As {@link charge}, before the request is parsed: rejects a sender in debt and takes no tokens. */
  admit(source: RateLimitedSource | undefined, endpoint: IngestEndpoint, now: number): void {
    const wait = this.#bucket(source, now)?.wait(1, now) ?? 0;
    if (wait > 0) throw rateLimitError(source, endpoint, wait);
  }

  #bucket(source: RateLimitedSource | undefined, now: number): TokenBucket | undefined {
    const rate = source ? source.rate : this.#anonymous;
    if (!rate) return undefined;
    const key = source?.name ?? '';
    const known = this.#buckets.get(key);
    if (known && known.rate.events_per_second === rate.events_per_second && known.rate.burst === rate.burst) return known.bucket;
    const bucket = new TokenBucket(rate, now);
    this.#buckets.set(key, { rate, bucket });
    return bucket;
  }
}

function rateLimitError(source: RateLimitedSource | undefined, endpoint: IngestEndpoint, wait: number): TocsinError {
  const whose = source ? `rate limit of source ${source.name}` : 'rate limit of requests without a source (ACCESS_RATE)';
  const seconds = Math.max(1, Math.ceil(wait / 1000));
  return new TocsinError(endpoint === 'remote_write' ? 'T1302' : 'T1301', `${whose}; retry in ${seconds} s`, { retry_after: seconds });
}
