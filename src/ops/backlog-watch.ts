import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { CONFIG, type Config } from '../config.js';
import { Database } from '../database/database.js';
import { HELD } from '../log/kafka/outbox-relay.js';
import { Log } from '../log/log.js';
import { deadLetterTopic, topics } from '../topics.js';
import { IDLE } from './idle.js';
import { Metrics } from './metrics.js';
import { Readiness, type Shown } from './readiness.js';

const EVERY_MS = 15_000;
/** A longer outbox is not counted to its end. */
const COUNTED = 10_001;
/** What has waited in the outbox for so long shows that the log does not take it, or that its lane has no owner. */
const PATIENCE_MS = 60_000;

interface Waiting {
  readonly parcels: number;
  readonly held: number;
  /** Milliseconds that the oldest has waited. */
  readonly age: number;
}

/** Tells of the database, and of what lies and waits: outbox and dead letters. The latter are asked for beside the scrapes, which must not wait. */
@Injectable()
export class BacklogWatch implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  #stopped = false;
  #waiting: Waiting | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly metrics: Metrics,
    private readonly readiness: Readiness,
    private readonly database: Database,
    private readonly log: Log,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(IDLE) private readonly idle: boolean,
  ) {}

  onModuleInit(): void {
    if (this.config.mode === 'distributed') this.readiness.show('outbox', () => shown(this.#waiting));
    this.database.onEnded = ({ outcome, seconds, commitSeconds }) => {
      this.metrics.increment('tocsin_database_transactions_total', { outcome });
      this.metrics.observe('tocsin_database_transaction_duration_seconds', {}, seconds);
      if (commitSeconds !== undefined) this.metrics.observe('tocsin_database_commit_duration_seconds', {}, commitSeconds);
    };
    this.metrics.onCollect(() => {
      this.metrics.set('tocsin_database_waiting_transactions', [[{}, this.database.waiting]]);
      const pool = this.database.pool?.();
      this.metrics.set(
        'tocsin_database_connections',
        Object.entries(pool ?? {}).map(([state, count]) => [{ state }, count as number]),
      );
    });
  }

  onApplicationBootstrap(): void {
    if (!this.idle) void this.#look();
  }

  onModuleDestroy(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    await Promise.all([this.#outbox(Date.now()), this.#deadLetters()]);
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#look(), EVERY_MS).unref();
  }

  async #outbox(now: number): Promise<void> {
    if (this.config.mode === 'embedded') return;
    const [row] = await this.#known(() =>
      this.database.query<{ parcels: number | string; held: number | string | null; oldest: number | string | null }>(
        `SELECT COUNT(*) AS parcels, SUM(lane LIKE '${HELD}%') AS held, MIN(created_at) AS oldest
         FROM (SELECT lane, created_at FROM outbox ORDER BY id LIMIT ${COUNTED}) AS waiting`,
      ),
    );
    const age = (oldest: number | string | null): number => (oldest === null ? 0 : Math.max(0, now - Number(oldest)));
    this.#waiting = row && { parcels: Number(row.parcels), held: Number(row.held), age: age(row.oldest) };
    this.metrics.set('tocsin_outbox_parcels', this.#waiting ? [[{}, this.#waiting.parcels]] : []);
    this.metrics.set('tocsin_outbox_oldest_age_seconds', this.#waiting ? [[{}, this.#waiting.age / 1000]] : []);
  }

  async #deadLetters(): Promise<void> {
    const counts = await Promise.all(
      Object.values(topics).map(async ({ name }) => {
        const bounds = await this.#known(() => this.log.offsets(deadLetterTopic(name)));
        return bounds.length > 0 ? [[{ topic: name }, bounds.reduce((sum, { low, high }) => sum + high - low, 0)] as const] : [];
      }),
    );
    this.metrics.set('tocsin_dead_letters', counts.flat());
  }

  /** What cannot be found out has no value; that log or database fail is told by others. */
  async #known<T>(ask: () => Promise<T[]>): Promise<T[]> {
    try {
      return await ask();
    } catch {
      return [];
    }
  }
}

/** Held is what its topic is too small for. */
function shown(waiting: Waiting | undefined): Shown {
  if (!waiting) return { degraded: false };
  const { parcels, held, age } = waiting;
  return { degraded: held > 0 || age > PATIENCE_MS, parcels, ...(held > 0 && { held }), oldest_age_seconds: Math.round(age / 1000) };
}
