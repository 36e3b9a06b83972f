import { setTimeout as delay } from 'node:timers/promises';
import { CursorRepository } from '../../src/log/cursor.repository.js';
import { parseConfig } from '../../src/config.js';
import { isExternalGroup } from '../../src/log/consuming/groups.js';
import type { Insides, Installation } from './installation.js';
import type { Standing } from './standstill.js';

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
  const lags = lagging(await standings(insides));
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
function lagging(all: readonly Standing[]): string[] {
  const lags = new Map<string, number>();
  for (const { group, topic, next, end } of all) {
    const name = `${group} behind on ${topic}`;
    if (next < end) lags.set(name, (lags.get(name) ?? 0) + end - next);
  }
  return [...lags].map(([name, lag]) => `${name} by ${lag}`);
}

export interface Owned extends Standing {
  readonly owner: string;
}

/** Where every group is in every partition, the sources in the foreign topics included, and who owns it. */
export async function standings({ database, eventLog: log, feeds }: Insides): Promise<Owned[]> {
  const cursors = await new CursorRepository(database, parseConfig({})).all();
  const own = cursors.filter(({ group }) => !isExternalGroup(group));
  const names = [...new Set(own.map(({ topic }) => topic))];
  const bounds = await Promise.all(names.map(async (topic) => (await log.offsets(topic)).map(({ partition, high }) => ({ topic, partition, high }))));
  const ofStages = bounds.flat().flatMap(({ topic, partition, high }) => {
    const here = own.filter((cursor) => cursor.topic === topic && cursor.partition === partition);
    return here.map(({ group, owner, nextOffset }) => ({ group, topic, partition, owner, next: nextOffset, end: high }));
  });
  const ofSources = (feeds?.ends() ?? []).map((end) => {
    const cursor = cursors.find(({ group, topic, partition }) => group === end.group && topic === end.topic && partition === end.partition);
    return { ...end, owner: cursor?.owner ?? '', next: cursor?.nextOffset ?? 0 };
  });
  return [...ofStages, ...ofSources];
}

/** Sum of all cursors: grows with every batch that takes effect. */
export async function progress({ database }: Insides): Promise<number> {
  const [row] = await database.query<{ n: number | string }>(
    "SELECT COALESCE(SUM(next_offset), 0) AS n FROM stream_cursor WHERE consumer_group IN ('detect', 'alert')",
  );
  return Number(row?.n ?? 0);
}
