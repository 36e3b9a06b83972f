import type { Database } from '../../src/database/database.client.js';
import { StrategyRepository } from '../../src/detect/strategy.repository.js';
import type { RuleSet } from '../../src/detect/strategy.js';
import type { EventLog, LogRecord } from '../../src/log/event-log.js';
import { deadLetterTopic, topics } from '../../src/topics.js';
import type { AlertRow, DeadLetter, TimelineRow } from '../oracle/compare.js';
import type { PartitionHistory } from '../oracle/detect.js';
import type { Insides } from './installation.js';

export interface StoredAlert extends AlertRow {
  readonly transition_no: number;
}

export interface StoredMember {
  readonly alert_id: string;
  readonly converge_id: string;
  /** `group` or `storm`: what the group is. */
  readonly kind: string;
  /** When the group was opened. */
  readonly opened_at: number;
  readonly created_at: number;
  readonly ended_at: number | null;
}

export interface StoredNotice {
  readonly idempotency_key: string;
  readonly converge_id: string;
  readonly sequence_no: number;
  readonly state: string;
  readonly reason: string | null;
  readonly attempts: number;
}

/** One message of a group, as Converge published it. */
export interface StoredTelling {
  readonly converge_id: string;
  /** When Converge composed it (epoch ms). */
  readonly time: number;
}

/** A message of the topic `alerts`, as far as the reference knows what it should be. */
export interface StoredMessage {
  readonly event_id: string;
  readonly alert_key: string;
  readonly text: string;
}

/** What a run left behind. */
export interface Remains {
  /** raw_events as far as Detect has taken it. */
  readonly history: readonly PartitionHistory[];
  /** Records of raw_events that Detect has not taken. */
  readonly untaken: readonly LogRecord[];
  readonly ruleSets: ReadonlyMap<number, RuleSet>;
  readonly alerts: readonly StoredAlert[];
  readonly timelines: readonly TimelineRow[];
  /** Timeline rows that say that something went wrong: gaps, superseded alerts. */
  readonly complaints: readonly string[];
  readonly members: readonly StoredMember[];
  readonly notices: readonly StoredNotice[];
  /** The topic `converged_alerts`, partition by partition. */
  readonly tellings: readonly StoredTelling[];
  /** The topic `alerts`, partition by partition. */
  readonly messages: readonly StoredMessage[];
  readonly deadLetters: readonly DeadLetter[];
  /** Dead letters of the topics behind Detect, in words. */
  readonly strangeDeadLetters: readonly string[];
  /** Audit rows: somebody stopped a partition. */
  readonly stops: readonly string[];
}

/** Reads everything that the judge looks at. */
export async function remainsOf({ database, eventLog: log }: Insides): Promise<Remains> {
  const { history, untaken } = await readHistory(database, log);
  return {
    history,
    untaken,
    ruleSets: await readRuleSets(database),
    alerts: await readAlerts(database),
    ...(await readTimelines(database)),
    members: await readMembers(database),
    notices: await readNotices(database),
    tellings: (await readAll(log, topics.convergedAlerts.name)).map(tellingOf),
    messages: (await readAll(log, topics.alerts.name)).map(messageOf),
    deadLetters: (await readAll(log, deadLetterTopic(topics.rawEvents.name))).map(deadLetterOf),
    strangeDeadLetters: await readStrange(log),
    stops: (await database.query<{ object_id: string; why: string }>("SELECT object_id, why FROM audit WHERE action = 'partition.halted'")).map(
      ({ object_id, why }) => `${object_id}: ${why}`,
    ),
  };
}

async function readHistory(database: Database, log: EventLog): Promise<Pick<Remains, 'history' | 'untaken'>> {
  const topic = topics.rawEvents.name;
  const cursors = await database.query<{ partition_no: number; next_offset: number | string }>(
    "SELECT partition_no, next_offset FROM stream_cursor WHERE consumer_group = 'detect' AND topic = ? ORDER BY partition_no",
    [topic],
  );
  const taken = new Map(cursors.map(({ partition_no, next_offset }) => [partition_no, Number(next_offset)]));
  const history: PartitionHistory[] = [];
  const untaken: LogRecord[] = [];
  for (const { partition, high } of await log.offsets(topic)) {
    const records: LogRecord[] = [];
    for await (const some of log.read({ topic, partition }, 0, high)) records.push(...some);
    const end = taken.get(partition) ?? 0;
    history.push({ partition, records: records.filter(({ offset }) => offset < end) });
    untaken.push(...records.filter(({ offset }) => offset >= end));
  }
  return { history, untaken };
}

async function readAll(log: EventLog, topic: string): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for (const { partition, low, high } of await log.offsets(topic)) {
    for await (const some of log.read({ topic, partition }, low, high)) records.push(...some);
  }
  return records;
}

async function readRuleSets(database: Database): Promise<ReadonlyMap<number, RuleSet>> {
  const strategies = new StrategyRepository(database);
  const sets = new Map<number, RuleSet>();
  const latest = await strategies.rulesVersion();
  for (let version = 1; version <= latest; version++) sets.set(version, await strategies.rulesAt(version));
  return sets;
}

type Row = Record<string, unknown>;
const whole = (value: unknown): number | null => (value === null ? null : Number(value));

async function readAlerts(database: Database): Promise<StoredAlert[]> {
  const rows = await database.query<Row>('SELECT alert_id, alert_key, status, severity, begin_time, end_time, transition_no FROM alert');
  return rows.map((row) => ({
    alert_id: row['alert_id'] as string,
    alert_key: row['alert_key'] as string,
    status: row['status'] as string,
    severity: Number(row['severity']),
    begin_time: Number(row['begin_time']),
    end_time: whole(row['end_time']),
    transition_no: Number(row['transition_no']),
  }));
}

/** What a timeline row of Detect says, in the words of its message. */
const kinds: Readonly<Record<string, { kind: string; status: string }>> = {
  created: { kind: 'fired', status: 'ABNORMAL' },
  severity_changed: { kind: 'severity_changed', status: 'ABNORMAL' },
  recovered: { kind: 'recovered', status: 'RECOVERED' },
  closed: { kind: 'closed', status: 'CLOSED' },
};

async function readTimelines(database: Database): Promise<Pick<Remains, 'timelines' | 'complaints'>> {
  const rows = await database.query<Row>('SELECT id, alert_id, what, actor, why, transition_no FROM alert_timeline ORDER BY id');
  const ofDetect = rows.filter((row) => row['actor'] === 'detect' && kinds[row['what'] as string]);
  const complaints = rows.filter((row) => row['what'] === 'gap' || (row['actor'] === 'tocsin' && row['what'] === 'closed'));
  return {
    timelines: ofDetect.map((row) => ({
      alert_id: row['alert_id'] as string,
      transition: Number(row['transition_no']),
      ...kinds[row['what'] as string]!,
      position: Number(row['id']),
    })),
    complaints: complaints.map((row) => `alert ${String(row['alert_id'])}: ${String(row['what'])}, ${String(row['why'])}`),
  };
}

async function readMembers(database: Database): Promise<StoredMember[]> {
  const rows = await database.query<Row>(
    `SELECT m.alert_id, m.converge_id, g.kind, g.opened_at, m.created_at, m.ended_at FROM converge_member m JOIN converge_group g ON g.converge_id = m.converge_id`,
  );
  return rows.map((row) => ({
    alert_id: row['alert_id'] as string,
    converge_id: row['converge_id'] as string,
    kind: row['kind'] as string,
    opened_at: Number(row['opened_at']),
    created_at: Number(row['created_at']),
    ended_at: whole(row['ended_at']),
  }));
}

async function readNotices(database: Database): Promise<StoredNotice[]> {
  const rows = await database.query<Row>('SELECT idempotency_key, converge_id, sequence_no, state, reason, attempts FROM notice');
  return rows.map((row) => ({
    idempotency_key: row['idempotency_key'] as string,
    converge_id: row['converge_id'] as string,
    sequence_no: Number(row['sequence_no']),
    state: row['state'] as string,
    reason: row['reason'] as string | null,
    attempts: Number(row['attempts']),
  }));
}

/** The fields of a message that docs/detect.md defines, as one text that can be compared. */
export function messageText(message: object): string {
  const fields = message as Row;
  return JSON.stringify(
    ['event_id', 'alert_id', 'alert_key', 'transition', 'kind', 'status', 'severity', 'strategy_id', 'begin_time', 'time'].map(
      (name) => fields[name],
    ),
  );
}

function messageOf({ value }: LogRecord): StoredMessage {
  const message = JSON.parse(value!.toString('utf8')) as { event_id: string; alert_key: string };
  return { event_id: message.event_id, alert_key: message.alert_key, text: messageText(message) };
}

function tellingOf({ value }: LogRecord): StoredTelling {
  const { converge_id, time } = JSON.parse(value!.toString('utf8')) as StoredTelling;
  return { converge_id, time };
}

function deadLetterOf({ value, headers }: LogRecord): DeadLetter {
  return { topic: headers['tocsin-topic']!, partition: Number(headers['tocsin-partition']), offset: Number(headers['tocsin-offset']), value };
}

async function readStrange(log: EventLog): Promise<string[]> {
  const found: string[] = [];
  for (const { name } of [topics.alerts, topics.alertStatus, topics.convergedAlerts]) {
    for (const { headers } of await readAll(log, deadLetterTopic(name))) found.push(`${name}: ${headers['tocsin-error']}`);
  }
  return found;
}
