import { missedNotices, type Delivery, duplicateDeliveries } from './compare-notices.js';
import type { Reference } from './detect.js';
import type { ReferenceAlert } from './journal.js';

/** A row of the alert table; times in epoch ms. */
export interface AlertRow {
  readonly alert_id: string;
  readonly alert_key: string;
  readonly status: string;
  readonly severity: number;
  readonly begin_time: number;
  readonly end_time: number | null;
}

/** A timeline row that comes from a message of Detect; rows that people caused are not given. */
export interface TimelineRow {
  readonly alert_id: string;
  readonly transition: number;
  readonly kind: string;
  /** Status after it. */
  readonly status: string;
  /** Grows in the order in which the rows of one key were written, such as the row id. */
  readonly position: number;
}

export interface DeadLetter {
  /** Where the record stood, from the headers. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly value: Buffer | null;
}

/** What a run left behind, beside what it should have. */
export interface Run {
  readonly reference: Reference;
  readonly alertRows: readonly AlertRow[];
  readonly timelineRows: readonly TimelineRow[];
  /** What the webhook sink received. */
  readonly deliveries: readonly Delivery[];
  readonly deadLetters: readonly DeadLetter[];
  /** Replicas that were killed: so many deliveries may have come twice. */
  readonly kills: number;
  /** Alerts that need no notice, because they ended before their group's first flush. */
  readonly neverDue?: ReadonlySet<string>;
}

/** Everything in which the run differs from what a sequential run would have left, in words; empty when all is well. */
export function compareRun(run: Run): string[] {
  const { reference, alertRows, timelineRows, deliveries, deadLetters, kills, neverDue } = run;
  return [
    ...wrongAlerts(reference.alerts, alertRows),
    ...doubleOpen(alertRows),
    ...wrongTimelines(reference.alerts, timelineRows),
    ...overlaps(timelineRows, new Map(alertRows.map((row) => [row.alert_id, row.alert_key]))),
    ...missedNotices(reference.alerts, deliveries, neverDue ?? new Set()),
    ...duplicateDeliveries(deliveries, kills),
    ...wrongDeadLetters(reference, deadLetters),
  ];
}

/** Zero lost, zero extra, and each as it should be. */
function wrongAlerts(expected: Reference['alerts'], rows: readonly AlertRow[]): string[] {
  const found = new Map<string, AlertRow>();
  const violations: string[] = [];
  for (const row of rows) {
    if (found.has(row.alert_id)) violations.push(`alert ${row.alert_id}: two rows`);
    if (!expected.has(row.alert_id)) violations.push(`alert ${row.alert_id}: extra, ${JSON.stringify(row)}`);
    found.set(row.alert_id, row);
  }
  for (const [id, alert] of expected) {
    const row = found.get(id);
    if (row) violations.push(...wrongFields(alert, row));
    else violations.push(`alert ${id}: lost, fired by ${cause(alert)}`);
  }
  return violations;
}

function wrongFields(alert: ReferenceAlert, row: AlertRow): string[] {
  return (['alert_key', 'status', 'severity', 'begin_time', 'end_time'] as const)
    .filter((field) => row[field] !== alert[field])
    .map((field) => `alert ${alert.alert_id}: ${field} is ${row[field]}, should be ${alert[field]}`);
}

function cause({ transitions }: ReferenceAlert): string {
  const { partition, offset } = transitions[0]!;
  return `partition ${partition} offset ${offset}`;
}

function doubleOpen(rows: readonly AlertRow[]): string[] {
  const open = rows.filter(({ status }) => status === 'ABNORMAL').map(({ alert_key }) => alert_key);
  return [...new Set(open)]
    .map((key) => [key, open.filter((each) => each === key).length] as const)
    .filter(([, count]) => count > 1)
    .map(([key, count]) => `key ${key}: ${count} alerts are open`);
}

/** Gapless: exactly the transitions 1 … n of the reference, written in this order. */
function wrongTimelines(expected: Reference['alerts'], rows: readonly TimelineRow[]): string[] {
  const timelines = groupBy(rows, ({ alert_id }) => alert_id);
  const violations: string[] = [];
  for (const [id, alert] of expected) {
    const should = alert.transitions.map(({ transition, kind, status }) => `${transition} ${kind} ${status}`).join(', ');
    const is = inOrder(timelines.get(id) ?? [])
      .map(({ transition, kind, status }) => `${transition} ${kind} ${status}`)
      .join(', ');
    if (is !== should) violations.push(`alert ${id}: timeline is [${is}], should be [${should}]`);
  }
  for (const id of timelines.keys()) if (!expected.has(id)) violations.push(`alert ${id}: timeline of an alert that should not be`);
  return violations;
}

/** Never two open alerts of one key: in the order of writing, an alert ends before the next of its key begins. */
function overlaps(rows: readonly TimelineRow[], keys: ReadonlyMap<string, string>): string[] {
  const violations: string[] = [];
  for (const [key, ofKey] of groupBy(rows, ({ alert_id }) => keys.get(alert_id) ?? `of alert ${alert_id}`)) {
    let open: string | undefined;
    for (const { alert_id, transition, kind, status } of inOrder(ofKey)) {
      if (kind === 'fired' && open) violations.push(`key ${key}: alert ${alert_id} was opened while ${open} was open`);
      if (kind !== 'fired' && open !== alert_id)
        violations.push(`key ${key}: ${kind} (transition ${transition}) for alert ${alert_id}, which was not open`);
      open = status === 'ABNORMAL' ? alert_id : undefined;
    }
  }
  return violations;
}

const inOrder = (rows: readonly TimelineRow[]): TimelineRow[] => [...rows].sort((a, b) => a.position - b.position);

function groupBy<T>(rows: readonly T[], key: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(key(row));
    if (group) group.push(row);
    else groups.set(key(row), [row]);
  }
  return groups;
}

/** The dead letters are the poison records and nothing else, with identical bytes. One that came twice is no harm: it names its offset. */
function wrongDeadLetters({ poison }: Reference, deadLetters: readonly DeadLetter[]): string[] {
  const place = (topic: string, partition: number, offset: number): string => `${topic}/${partition}/${offset}`;
  const expected = new Map(poison.map((each) => [place('raw_events', each.partition, each.offset), each]));
  const violations: string[] = [];
  const found = new Set<string>();
  for (const { topic, partition, offset, value } of deadLetters) {
    const where = place(topic, partition, offset);
    const record = expected.get(where);
    found.add(where);
    if (!record) violations.push(`dead letter ${where}: the record was not poison`);
    else if (!sameBytes(record.value, value)) violations.push(`dead letter ${where}: the bytes differ from the record's`);
  }
  for (const [where, { reason }] of expected) if (!found.has(where)) violations.push(`dead letter ${where}: missing, the record is ${reason}`);
  return violations;
}

function sameBytes(a: Buffer | string | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : Buffer.from(a).equals(b);
}
