import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { Database } from '../database/database.client.js';
import { PeriodicTask } from '../shared/periodic-task.js';
import { Background } from './background.decorator.js';
import { Metrics } from './metrics.service.js';
import { ReadinessDetail, type ReadinessState } from './readiness-detail.decorator.js';

/** Maximum number of outbox rows that are counted. */
const COUNTED = 10_001;
/** An outbox row older than this (ms) indicates that the log rejects it, or that its ordering key has no owner. */
const PATIENCE_MS = 60_000;

interface Counted {
  readonly parcels: number | string;
  readonly quarantined: number | string | null;
  readonly oldest: number | string | null;
}

interface Waiting {
  readonly parcels: number;
  readonly quarantined: number;
  /** Age of the oldest row (ms). */
  readonly age: number;
}

/** Reports the size and age of the outbox in metrics, updated independently of scrapes, and in readiness. */
@Injectable()
export class OutboxWatch {
  #waiting: Waiting | undefined;

  constructor(
    private readonly metrics: Metrics,
    private readonly database: Database,
    private readonly config: Config,
  ) {}

  @ReadinessDetail('outbox')
  detail(): ReadinessState | undefined {
    return this.config.mode === 'distributed' ? stateOf(this.#waiting) : undefined;
  }

  @Background()
  counting(): PeriodicTask | undefined {
    if (this.config.mode === 'embedded') return undefined;
    return new PeriodicTask({ name: 'counting the outbox', everyMs: 15_000, run: () => this.#look(Date.now()) });
  }

  async #look(now: number): Promise<void> {
    // On failure the metrics have no value; other components report that the database is unavailable.
    const [row] = await this.database
      .query<Counted>(
        `SELECT COUNT(*) AS parcels, SUM(is_quarantined) AS quarantined, MIN(created_at) AS oldest
         FROM (SELECT is_quarantined, created_at FROM outbox ORDER BY id LIMIT ${COUNTED}) AS waiting`,
      )
      .catch(() => []);
    this.#waiting = row && waitingOf(row, now);
    this.metrics.set('tocsin_outbox_rows', this.#waiting ? [[{}, this.#waiting.parcels]] : []);
    this.metrics.set('tocsin_outbox_oldest_age_seconds', this.#waiting ? [[{}, this.#waiting.age / 1000]] : []);
  }
}

function waitingOf({ parcels, quarantined, oldest }: Counted, now: number): Waiting {
  return { parcels: Number(parcels), quarantined: Number(quarantined), age: oldest === null ? 0 : Math.max(0, now - Number(oldest)) };
}

/** Quarantined records exceed max.message.bytes of their topic. */
function stateOf(waiting: Waiting | undefined): ReadinessState {
  if (!waiting) return { degraded: false };
  const { parcels, quarantined, age } = waiting;
  return {
    degraded: quarantined > 0 || age > PATIENCE_MS,
    parcels,
    ...(quarantined > 0 && { quarantined }),
    oldest_age_seconds: Math.round(age / 1000),
  };
}
