import type { Database } from '../database/database.client.js';
import type { EventLog } from '../log/event-log.js';
import type { ReplayRange } from '../ops/offsets/range.js';
import { deadLetterTopic, topics } from '../topics.js';

/** Result of a replay: records read, dead letters, and alerts by strategy. */
export interface ReplayReport {
  readonly topic: string;
  readonly folder: string;
  readonly partitions: readonly (ReplayRange & { readonly records: number })[];
  readonly records: number;
  readonly dead_letters: readonly { readonly topic: string; readonly code: string; readonly count: number }[];
  readonly strategies: readonly StrategyAlerts[];
}

export interface StrategyAlerts {
  /** 0 for alerts of external senders. */
  readonly strategy_id: number;
  readonly strategy: string;
  readonly alerts: number;
  /** Alerts that are still open at the end of the range. */
  readonly open: number;
  readonly first: number;
  readonly last: number;
}

interface Run {
  readonly topic: string;
  readonly ranges: readonly ReplayRange[];
  readonly read: ReadonlyMap<number, number>;
  readonly database: Database;
  readonly eventLog: EventLog;
  readonly folder: string;
}

export async function reportOf({ topic, ranges, read, database, eventLog: log, folder }: Run): Promise<ReplayReport> {
  const partitions = ranges.map((range) => ({ ...range, records: read.get(range.partition) ?? 0 }));
  return {
    topic,
    folder,
    partitions,
    records: partitions.reduce((sum, { records }) => sum + records, 0),
    dead_letters: await deadLetters(log),
    strategies: await strategies(database),
  };
}

async function deadLetters(log: EventLog): Promise<ReplayReport['dead_letters']> {
  const counts = new Map<string, { topic: string; code: string; count: number }>();
  for (const { name } of Object.values(topics)) {
    for (const { partition, low, high } of await log.offsets(deadLetterTopic(name))) {
      for await (const letters of log.read({ topic: deadLetterTopic(name), partition }, low, high)) {
        for (const { headers } of letters) {
          const code = headers['tocsin-error-code'] ?? 'unknown';
          const known = counts.get(`${name} ${code}`) ?? { topic: name, code, count: 0 };
          counts.set(`${name} ${code}`, { ...known, count: known.count + 1 });
        }
      }
    }
  }
  return [...counts.values()];
}

async function strategies(database: Database): Promise<StrategyAlerts[]> {
  const rows = await database.query<Record<string, number | string>>(
    `SELECT strategy_id, MAX(strategy_name) AS strategy, COUNT(*) AS alerts, SUM(CASE WHEN open_key IS NULL THEN 0 ELSE 1 END) AS open_alerts,
            MIN(begin_time) AS first_begin, MAX(begin_time) AS last_begin
     FROM alert GROUP BY strategy_id ORDER BY strategy_id`,
  );
  return rows.map((row) => ({
    strategy_id: Number(row['strategy_id']),
    strategy: String(row['strategy']),
    alerts: Number(row['alerts']),
    open: Number(row['open_alerts']),
    first: Number(row['first_begin']),
    last: Number(row['last_begin']),
  }));
}
