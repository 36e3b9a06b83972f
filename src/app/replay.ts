import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { INestApplicationContext } from '@nestjs/common';
import type { Config } from '../config.js';
import { migrate, openMysql, openSqliteToRead } from '../database/connection.client.js';
import type { Database } from '../database/database.client.js';
import { CheckpointRepository } from '../detect/checkpoint.repository.js';
import { StoredMemory } from '../detect/stored-memory.service.js';
import { StrategyRepository } from '../detect/strategy.repository.js';
import { Consumers, type GroupPosition } from '../log/consuming/consumers.service.js';
import { importRecords } from '../log/embedded/record-import.repository.js';
import { eventLogOf } from '../log/event-log.client.js';
import { EventLog } from '../log/event-log.js';
import type { Target } from '../ops/offsets/position.js';
import { type ReplayRange, rangeOf } from '../ops/offsets/range.js';
import { reportOf, type ReplayReport } from './replay-report.js';
import { markSandbox, refuseUsedFolder, sandboxConfig } from './sandbox.js';
import { type Opened, whileOpen } from './opened.js';
import { createSandbox, openDatabase } from './serve.js';
import { TocsinError } from '../shared/errors.js';
import { deadLetterTopic, topics } from '../topics.js';

export interface Replay {
  readonly topic: string;
  readonly partition?: number | undefined;
  readonly from: Target;
  readonly to: Target;
  readonly folder: string;
}

/** Time (ms) without progress of any stage after which a replay fails: a sandbox does not wait for external input. */
const STANDSTILL_MS = 60_000;

/** The installation whose records are replayed. Access is read-only, even while replicas run on it. */
interface Source {
  readonly eventLog: EventLog;
  readonly database: Database;
}

async function openSource(config: Config, opened: Opened): Promise<Source> {
  const database =
    config.mode === 'embedded'
      ? await openSqliteToRead(join(config.DATA_DIR, 'tocsin.db'), config.SQLITE_DRIVER)
      : await openMysql(config.DATABASE_URL!, 2);
  opened.add(() => database.close());
  const eventLog = eventLogOf(config, database);
  // An embedded log that was not connected has nothing to close; closing it would write.
  if (config.mode === 'distributed') opened.add(() => eventLog.close());
  return { eventLog, database };
}

/**
 * Replays a closed range of a topic in a complete, separate Tocsin in `folder`: it has its own tables, the rules of this installation with all
 * their versions, and the records with their offsets and times. It sends no notifications. Ticks are records, so time advances as in the original.
 * Throws T6206 for a range that is not available, T6207 when the folder is not empty, T6210 when the stages cannot process the whole range.
 */
export async function replay(config: Config, wish: Replay, now: number, standstillMs = STANDSTILL_MS): Promise<ReplayReport> {
  if (wish.topic !== topics.rawEvents.name && wish.topic !== topics.alerts.name) {
    throw new TocsinError('T6206', `the topic of a sandbox must be ${topics.rawEvents.name} or ${topics.alerts.name}, not ${wish.topic}`);
  }
  refuseUsedFolder(wish.folder);
  return whileOpen(async (opened) => {
    const source = await openSource(config, opened);
    const ranges = await rangesOf(source.eventLog, wish);
    mkdirSync(wish.folder, { recursive: true });
    const sandbox = sandboxConfig({ ...config, LOG_LEVEL: 'error', DETECT_COMMIT_MS: 100 }, wish.folder);
    return runIn(sandbox, source, { ...wish, ranges, standstillMs }, now, opened);
  });
}

/** The ranges of all requested partitions. Throws T6203 for an unknown partition, T6206 with every partition whose range is not available. */
async function rangesOf(log: EventLog, { topic, partition, from, to }: Replay): Promise<ReplayRange[]> {
  const all = await log.offsets(topic);
  const wanted = all.filter((each) => partition === undefined || each.partition === partition);
  if (wanted.length === 0) throw new TocsinError('T6203', `${topic}/${partition ?? ''}; the topic has ${all.length} partitions`);
  if (wanted.length > 1 && [from, to].some(({ kind }) => kind === 'offset')) {
    throw new TocsinError('T6206', `offset:N requires --partition (0 to ${all.length - 1}); use a timestamp for all partitions`);
  }
  const at = async (target: Target, more: number) => (target.kind === 'timestamp' ? log.offsetsAt(topic, target.time + more) : undefined);
  const [fromAt, afterTo] = await Promise.all([at(from, 0), at(to, 1)]);
  const ranges = await Promise.all(
    wanted.map(async ({ partition: number, low, high }) => {
      const oldest = await timeAt(log, topic, number, low, high);
      return rangeOf(from, to, { partition: number, low, high, oldest, fromAt: fromAt?.get(number), afterTo: afterTo?.get(number) });
    }),
  );
  const refused = ranges.flatMap((range) => ('refused' in range ? [range.refused] : []));
  if (refused.length > 0) throw new TocsinError('T6206', refused.join('; '), refused);
  return ranges as ReplayRange[];
}

async function timeAt(log: EventLog, topic: string, partition: number, low: number, high: number): Promise<number | undefined> {
  if (low >= high) return undefined;
  for await (const [first] of log.read({ topic, partition }, low, low + 1)) if (first) return first.timestamp;
  return undefined;
}

type Chosen = Replay & { readonly ranges: readonly ReplayRange[]; readonly standstillMs: number };

async function runIn(config: Config, source: Source, chosen: Chosen, now: number, opened: Opened): Promise<ReplayReport> {
  const { topic, ranges, standstillMs } = chosen;
  const database = await openDatabase(config, opened);
  await migrate(database);
  const app = await createSandbox(config, database, opened);
  const eventLog = app.get(EventLog);
  await eventLog.ensureTopics(await topicsLike(source.eventLog));
  await markSandbox(database, { madeAt: now, topic, partitions: ranges.map(({ partition, from, end }) => ({ partition, from, end })) });
  await copyRules(source.database, database);
  const read = new Map<number, number>();
  for (const range of ranges) read.set(range.partition, await fill(source, { eventLog, database, config }, topic, range));
  await app.init();
  await app.startAllMicroservices();
  await untilDone(app, standstillMs);
  return reportOf({ topic, ranges, read, database, eventLog, folder: config.DATA_DIR });
}

/** The topics with the partition counts of the original, so that every key stays in its partition. */
async function topicsLike(log: EventLog): Promise<{ name: string; partitions: number }[]> {
  const counts = await Promise.all(Object.values(topics).map(async ({ name }) => ({ name, partitions: (await log.offsets(name)).length || 1 })));
  return counts.flatMap(({ name, partitions }) => [name, deadLetterTopic(name)].map((each) => ({ name: each, partitions })));
}

async function copyRules(source: Database, sandbox: Database): Promise<void> {
  for (const table of ['strategy', 'strategy_version', 'rules_version']) {
    const rows = await source.query(`SELECT * FROM ${table}`);
    const columns = Object.keys(rows[0] ?? {});
    await sandbox.transaction(async () => {
      await sandbox.execute(`DELETE FROM ${table}`);
      for (const row of rows) await sandbox.insert(table, columns, [columns.map((column) => row[column])]);
    });
  }
}

type Place = Pick<Source, 'eventLog' | 'database'> & { readonly config: Config };

const memoryOf = ({ eventLog: log, database }: Pick<Source, 'eventLog' | 'database'>): StoredMemory =>
  new StoredMemory(new CheckpointRepository(database), new StrategyRepository(database), log);

/** Copies the records, and initialises Detect with the rules that were in force before the first of them. */
async function fill(source: Source, sandbox: Place, topic: string, { partition, from, end }: ReplayRange): Promise<number> {
  const at = { topic, partition };
  const count = await importRecords(sandbox.database, at, from, source.eventLog.read(at, from, end));
  if (topic === topics.rawEvents.name) {
    const version = await memoryOf(source).rulesVersionAt(source.eventLog, at, from);
    await sandbox.database.transaction(() => memoryOf(sandbox).beginWith(at, version));
  }
  return count;
}

/** Resolves when every stage has processed all records of its topics. Throws T6210 when a stage fails, or when none makes progress. */
async function untilDone(app: INestApplicationContext, standstillMs: number): Promise<void> {
  const consumers = app.get(Consumers);
  let moved = { at: Date.now(), cursors: '' };
  for (;;) {
    const states = consumers.states();
    for (const { group, problem } of states) if (problem) throw new TocsinError('T6210', `${group}: ${problem}`);
    // Cursors are read before the log end offsets, and the records that a stage publishes are visible as soon as its cursor has moved.
    const { partitions } = await consumers.positions();
    const done = new Set(partitions.filter(({ cursor, end }) => end !== null && cursor >= end).map(key));
    if (states.every(({ group, assigned }) => assigned.every((at) => done.has(key({ group, ...at }))))) return;
    const cursors = partitions.map((each) => `${key(each)} ${each.cursor}`).join();
    if (cursors !== moved.cursors) moved = { at: Date.now(), cursors };
    else if (Date.now() - moved.at >= standstillMs) throw new TocsinError('T6210', standing(partitions.filter((each) => !done.has(key(each)))));
    await delay(50);
  }
}

const standing = (partitions: readonly GroupPosition[]): string =>
  partitions.map((each) => `${key(each)} stopped at ${each.cursor} of ${each.end ?? '?'}`).join('; ');

const key = ({ group, topic, partition }: { group: string; topic: string; partition: number }): string => `${group} ${topic}/${partition}`;
