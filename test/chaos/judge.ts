import { topics } from '../../src/topics.js';
import { type AlertRow, compareRun } from '../oracle/compare.js';
import type { Delivery } from '../oracle/compare-notices.js';
import { type Reference, referenceAlerts } from '../oracle/detect.js';
import type { FedRecord } from './feeds.js';
import { GROUP_INTERVAL_MS, GROUP_WAIT_MS, MAX_RECORD_BYTES } from './installation.js';
import { type Marked, missingFed, wrongFeeds } from './judge-feeds.js';
import { type Telling, tellingOf } from './notices-due.js';
import { messageText, type Remains, type StoredAlert } from './remains.js';
import type { Promises } from './sender.js';
import { type Arrival, noticeOf } from './sink.js';
import type { Kill } from './trouble.js';

/** All that is known of a run when it is over. */
export interface Evidence {
  readonly promises: Promises;
  /** Every record that was written into a foreign topic. */
  readonly fed: readonly FedRecord[];
  readonly kills: readonly Kill[];
  readonly arrivals: readonly Arrival[];
  readonly remains: Remains;
  /** What was still under way when the time was over; undefined when all had come to rest. */
  readonly unrest: string | undefined;
  /** Processes that ended by themselves, in words. */
  readonly accidents: readonly string[];
}

/** By what was promised: everything in which the run broke the promise, in words. */
export type Violations = Readonly<Record<keyof typeof promised, readonly string[]>>;

/** What must be true of a run. */
export const promised = {
  rest: 'comes to rest, and no process ends by itself',
  intake: 'has every event in the log that was answered 2xx, or stands in a foreign topic',
  sources: 'took foreign topics in order, each event under one id, and what cannot work as it was to the dead letters',
  sequential: 'left alerts, timelines, notices and dead letters as a sequential run over the log',
  messages: 'published what Detect must say, in order, and nothing else',
  convergence: 'gave every alert one group, and finished every notice',
  delivery: 'delivered every notice that it says it sent, under one key with one content, and again only after a kill',
} as const;

export interface Verdict {
  readonly violations: Violations;
  readonly reference: Reference;
  readonly telling: Telling;
  readonly figures: Readonly<Record<string, number | string>>;
}

/** Compares what a run left with what it should have left. */
export function judge(evidence: Evidence): Verdict {
  const { remains, arrivals } = evidence;
  const reference = referenceOf(remains);
  const telling = tellingOf(remains, arrivals, { waitMs: GROUP_WAIT_MS, intervalMs: GROUP_INTERVAL_MS });
  const events = eventsIn(remains, reference);
  const foreignLetters = remains.deadLetters.filter((letter) => !isOurs(letter));
  const violations = {
    rest: [...(evidence.unrest ? [`still under way: ${evidence.unrest}`] : []), ...evidence.accidents, ...remains.stops],
    intake: [...evidence.promises.refusals, ...missingEvents(evidence, events)],
    sources: wrongFeeds(evidence.fed, events, foreignLetters),
    sequential: compareWithReference(evidence, reference, telling),
    messages: wrongMessages(reference, remains),
    convergence: wrongConvergence(remains),
    delivery: wrongDeliveries(remains, arrivals, evidence.kills),
  };
  return { violations, reference, telling, figures: figuresOf(evidence, reference, telling, events) };
}

function referenceOf({ history, ruleSets }: Remains): Reference {
  const rulesOf = (version: number) => {
    const rules = ruleSets.get(version);
    if (!rules) throw new Error(`the log names rule set ${version}, which is not stored`);
    return rules;
  };
  return referenceAlerts(history, rulesOf, { identifyBy: 'bk_biz_id', maxRecordBytes: MAX_RECORD_BYTES });
}

/** What the judge looks at in an event of the log. */
interface Logged extends Marked {
  readonly event_type: string;
  readonly raw_data: Marked['raw_data'] & { readonly annotations?: Readonly<Record<string, string>> };
}

/** Not one of a source, which names the foreign topic. */
const isOurs = ({ topic }: { readonly topic: string }): boolean => topic === topics.rawEvents.name;

/** The events of the log; the reference has said which records hold none. */
function eventsIn({ history }: Remains, { poison }: Reference): Logged[] {
  const bad = new Set(poison.map(({ partition, offset }) => `${partition}/${offset}`));
  return history.flatMap(({ partition, records }) =>
    records.flatMap(({ offset, value }) => (bad.has(`${partition}/${offset}`) ? [] : eventsOf(value!))),
  );
}

function eventsOf(value: Buffer | string): readonly Logged[] {
  const record = JSON.parse(value.toString()) as Logged | { readonly events: readonly Logged[] };
  return 'events' in record ? record.events : [record];
}

function missingEvents({ promises, fed, remains }: Evidence, events: readonly Logged[]): string[] {
  const there = new Set(events.map(({ event_id }) => event_id));
  const marks = new Set(events.flatMap((event) => (event.event_type === 'alert' ? [event.raw_data.annotations?.['mark']] : [])));
  return [
    ...[...promises.events].filter((id) => !there.has(id)).map((id) => `event ${id}: answered 2xx, but not in the log`),
    ...[...promises.marks].filter((mark) => !marks.has(mark)).map((mark) => `alerts of ${mark}: answered 2xx, but not in the log`),
    ...missingFed(fed, events),
    // The clock may tick on; everything else must have been taken.
    ...remains.untaken.filter(({ value }) => value === null || !value.includes('"tick"')).map(({ offset }) => `offset ${offset}: never taken`),
  ];
}

function compareWithReference({ remains, arrivals, kills }: Evidence, reference: Reference, { neverDue }: Telling): string[] {
  return [
    ...compareRun({
      reference: withoutRefreshes(reference),
      alertRows: remains.alerts,
      timelineRows: remains.timelines,
      deliveries: deliveriesOf(arrivals),
      deadLetters: remains.deadLetters.filter(isOurs),
      kills: kills.length,
      neverDue,
    }),
    ...wrongTransitions(reference, remains.alerts),
    ...remains.complaints,
    ...remains.strangeDeadLetters,
  ];
}

/** "Still abnormal" only refreshes the alert; timelines do not have it. */
function withoutRefreshes(reference: Reference): Reference {
  const news = [...reference.alerts].map(
    ([id, alert]) => [id, { ...alert, transitions: alert.transitions.filter(({ kind }) => kind !== 'still_abnormal') }] as const,
  );
  return { ...reference, alerts: new Map(news) };
}

/** Every message has taken effect, those that timelines do not have included. */
function wrongTransitions({ alerts }: Reference, rows: readonly (AlertRow & Pick<StoredAlert, 'transition_no'>)[]): string[] {
  return rows.flatMap(({ alert_id, transition_no }) => {
    const expected = alerts.get(alert_id)?.transitions.length;
    return expected === undefined || expected === transition_no
      ? []
      : [`alert ${alert_id}: ${transition_no} messages applied, should be ${expected}`];
  });
}

/** What the sink was heard to have received; without an answer a request is no delivery. */
function deliveriesOf(arrivals: readonly Arrival[]): Delivery[] {
  return arrivals
    .filter(({ fate }) => fate === 'answered')
    .map(({ key, body, receivedAt }) => {
      const { status, alerts } = noticeOf(body);
      const ids = (wanted: string): string[] =>
        alerts.filter((alert) => alert.status === wanted).map(({ annotations }) => annotations.tocsin_alert_id);
      return { idempotencyKey: key, status, firing: ids('firing'), resolved: ids('resolved'), receivedAt };
    });
}

/** A message may be published twice, never changed, and the first publications about one key keep their order. */
function wrongMessages(reference: Reference, { messages }: Remains): string[] {
  const violations: string[] = [];
  const expected = new Map(reference.messages.map((message) => [message.event_id, messageText(message)]));
  const first = new Map<string, string>();
  const order = new Map<string, string[]>();
  for (const { event_id, alert_key, text } of messages) {
    const before = first.get(event_id);
    if (before === undefined) order.set(alert_key, [...(order.get(alert_key) ?? []), event_id]);
    else if (before !== text) violations.push(`message ${event_id}: came again as ${text}, was ${before}`);
    first.set(event_id, text);
    if (before === undefined && expected.get(event_id) !== text)
      violations.push(`message ${event_id}: is ${text}, should be ${expected.get(event_id)}`);
  }
  for (const [id, text] of expected) if (!first.has(id)) violations.push(`message ${id}: never published, ${text}`);
  const should = new Map<string, string[]>();
  for (const { alert_key, event_id } of reference.messages) should.set(alert_key, [...(should.get(alert_key) ?? []), event_id]);
  for (const [key, ids] of should) {
    if (order.has(key) && order.get(key)!.join() !== ids.filter((id) => first.has(id)).join()) violations.push(`key ${key}: messages out of order`);
  }
  return violations;
}

/** Fates that a notice may have: told, or a reason for not telling that lies in the group. */
const fates = new Set(['sent ', 'not_sent never_notified', 'not_sent overtaken']);

function wrongConvergence({ alerts, members, notices }: Remains): string[] {
  const grouped = new Set(members.map(({ alert_id }) => alert_id));
  const known = new Set(alerts.map(({ alert_id }) => alert_id));
  const gaps = sequenceGaps(notices);
  return [
    ...[...known].filter((id) => !grouped.has(id)).map((id) => `alert ${id}: in no group`),
    ...[...grouped].filter((id) => !known.has(id)).map((id) => `alert ${id}: in a group, but not in the alert table`),
    ...notices
      .filter(({ state, reason }) => !fates.has(`${state} ${reason ?? ''}`))
      .map(({ converge_id, sequence_no, state, reason }) => `notice ${converge_id}/${sequence_no}: ${state} ${reason ?? ''}`),
    ...gaps,
  ];
}

/** The notices of a group are numbered 1, 2, 3 … without a gap, so that none was lost between Converge and Notice. */
function sequenceGaps(notices: Remains['notices']): string[] {
  const sequences = new Map<string, Set<number>>();
  for (const { converge_id, sequence_no } of notices) sequences.set(converge_id, (sequences.get(converge_id) ?? new Set()).add(sequence_no));
  return [...sequences]
    .filter(([, numbers]) => Math.max(...numbers) !== numbers.size)
    .map(([id, numbers]) => `group ${id}: notices ${[...numbers].join(', ')}`);
}

function wrongDeliveries({ notices }: Remains, arrivals: readonly Arrival[], kills: readonly Kill[]): string[] {
  const byKey = new Map(notices.map((notice) => [notice.idempotency_key, notice]));
  const violations: string[] = [];
  const first = new Map<string, Arrival>();
  const delivered = new Map<string, Arrival>();
  for (const arrival of arrivals) {
    const { key, body, fate, receivedAt } = arrival;
    if (!byKey.has(key)) violations.push(`delivery ${key}: there is no such notice`);
    if ((first.get(key)?.body ?? body) !== body) violations.push(`delivery ${key}: came with two contents`);
    const before = delivered.get(key);
    if (before && !kills.some(({ at }) => at >= before.receivedAt && at <= receivedAt))
      violations.push(`delivery ${key}: came again without a kill in between`);
    if (!first.has(key)) first.set(key, arrival);
    if (fate === 'answered') delivered.set(key, arrival);
  }
  for (const { idempotency_key, state, converge_id, sequence_no } of notices) {
    if (state === 'sent' && !delivered.has(idempotency_key))
      violations.push(`notice ${converge_id}/${sequence_no}: sent, but the receiver never confirmed it`);
  }
  return violations;
}

function figuresOf(
  { promises, fed, kills, arrivals, remains }: Evidence,
  reference: Reference,
  telling: Telling,
  events: readonly Logged[],
): Verdict['figures'] {
  const delivered = arrivals.filter(({ fate }) => fate === 'answered');
  const keys = new Set(delivered.map(({ key }) => key));
  const ofKind = (kind: string): number => reference.messages.filter((message) => message.kind === kind).length;
  const sent = events.filter(({ event_type }) => event_type !== 'tick');
  const marks = events.flatMap(({ raw_data: { mark } }) => mark ?? []);
  const fedPoison = fed.filter((record) => record.events.length === 0).length;
  return {
    'events answered 2xx': promises.events.size,
    'requests / sent again': `${promises.requests} / ${promises.retries}`,
    'kills while up, while starting; freezes': ['killed', 'killed early', 'frozen']
      .map((kind) => kills.filter((kill) => kill.kind === kind).length)
      .join(', '),
    'events of sources, those that came again': `${new Set(marks).size}, ${marks.length - new Set(marks).size}`,
    'records in raw_events': remains.history.reduce((sum, { records }) => sum + records.length, 0),
    'events in raw_events (of them ticks)': `${events.length} (${events.length - sent.length})`,
    'events twice in raw_events': sent.length - new Set(sent.map(({ event_id }) => event_id)).size,
    alerts: reference.alerts.size,
    'messages (fired, raised, still, ended)': `${reference.messages.length} (${ofKind('fired')}, ${ofKind('severity_changed')}, ${ofKind('still_abnormal')}, ${ofKind('recovered') + ofKind('closed')})`,
    'messages published again': remains.messages.length - new Set(remains.messages.map(({ event_id }) => event_id)).size,
    'dead letters / poison': `${remains.deadLetters.length} / ${reference.poison.length + fedPoison}`,
    'notices / not told': `${remains.notices.length} / ${remains.notices.filter(({ state }) => state === 'not_sent').length}`,
    'requests at the sink (refused, cut)': `${arrivals.length} (${arrivals.filter(({ fate }) => fate === 'refused').length}, ${arrivals.filter(({ fate }) => fate === 'cut').length})`,
    deliveries: delivered.length,
    'deliveries that came again': delivered.length - keys.size,
    'alerts told only by number / over before due': `${telling.counted} / ${telling.endedBefore}`,
  };
}
