import { setTimeout as delay } from 'node:timers/promises';
import { CursorRepository } from '../../src/log/cursor.repository.js';
import { parseConfig } from '../../src/config.js';
import type { Insides, Installation } from './installation.js';

const LOOK_EVERY_MS = 500;
/** Looks in a row that must find nothing to do. */
const LOOKS = 3;

/**
 * Waits until nothing is under way any more: every group at the end of its topics, nothing staged, no alert and no group open, no notice due.
 * Answers what is still under way when the time is over, undefined when the installation has come to rest.
 */
export async function comeToRest(installation: Installation, ms: number, look = unrest): Promise<string | undefined> {
  const end = Date.now() + ms;
  let quiet = 0;
  for (;;) {
    const problem = await installation.inspect(look);
    quiet = problem ? 0 : quiet + 1;
    if (quiet === LOOKS) return undefined;
    if (Date.now() > end) return problem ?? 'it moves again and again';
    await delay(LOOK_EVERY_MS);
  }
}

/** What is under way at the moment, undefined for nothing. */
async function unrest(insides: Insides): Promise<string | undefined> {
  const lags = await lagging(insides);
  const open = await Promise.all([
    count(insides, 'alerts open', "FROM alert WHERE status = 'ABNORMAL'"),
    count(insides, 'groups open', "FROM converge_group WHERE state <> 'ended'"),
    count(insides, 'notices due', "FROM notice WHERE state IN ('pending', 'sending')"),
    ...(insides.database.dialect.name === 'mysql' ? [count(insides, 'messages staged', 'FROM outbox')] : []),
  ]);
  const problems = [...lags, ...open.flatMap((problem) => problem ?? [])];
  return problems.length > 0 ? problems.join(', ') : undefined;
}

async function count({ database }: Insides, what: string, sql: string): Promise<string | undefined> {
  const [row] = await database.query<{ n: number | string }>(`SELECT COUNT(*) AS n ${sql}`);
  return Number(row?.n) > 0 ? `${row?.n} ${what}` : undefined;
}

/** Consumer groups that are not at the end of their topics, in words. */
async function lagging({ database, log }: Insides): Promise<string[]> {
  const cursors = await new CursorRepository(database, parseConfig({})).all();
  const lags = new Map<string, number>();
  for (const topic of new Set(cursors.map((cursor) => cursor.topic))) {
    for (const { partition, high } of await log.offsets(topic)) {
      for (const cursor of cursors.filter((each) => each.topic === topic && each.partition === partition)) {
        const name = `${cursor.group} behind on ${topic}`;
        if (cursor.nextOffset < high) lags.set(name, (lags.get(name) ?? 0) + high - cursor.nextOffset);
      }
    }
  }
  return [...lags].map(([name, lag]) => `${name} by ${lag}`);
}

/** Sum of all cursors: grows with every batch that takes effect. */
export async function progress({ database }: Insides): Promise<number> {
  const [row] = await database.query<{ n: number | string }>(
    "SELECT COALESCE(SUM(next_offset), 0) AS n FROM stream_cursor WHERE consumer_group IN ('detect', 'alert')",
  );
  return Number(row?.n ?? 0);
}
