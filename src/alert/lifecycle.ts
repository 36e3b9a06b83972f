import { identity } from '../shared/identity.js';
import { alertDescriptionOf, type AlertEvent, type AlertStatusChange } from '../topics.js';
import { type TimelineEntry } from '../database/timeline-table.js';
import { type Alert, type AlertState, type Effect, isOpen } from './alert.js';

/** Why a message changes nothing. */
export type Ignored =
  /** It took effect before: the outbox may publish a message twice. */
  | 'already_applied'
  /** The alert is over, for example closed by hand, while Detect still has more to say. */
  | 'ended';

/** Applies one message to its alert (undefined: not known yet). Pure; `recordedAt` is the time of writing (ms). */
export function apply<A extends AlertState>(alert: A | undefined, event: AlertEvent, recordedAt: number): Effect<A | Alert> | { ignored: Ignored } {
  if (alert && event.transition <= alert.transition_no) return { ignored: 'already_applied' };
  if (alert && !isOpen(alert)) return { ignored: 'ended' };
  const gap = missing(alert?.transition_no ?? 0, event, recordedAt);
  if (alert) {
    const step = advance(alert, event, recordedAt);
    return { ...step, timeline: [...gap, ...step.timeline] };
  }
  const born = birth(event, recordedAt);
  const step = advance(born.alert, event, recordedAt);
  return { alert: step.alert, timeline: [...gap, ...born.timeline, ...step.timeline], changes: [...born.changes, ...step.changes] };
}

/** Ends an alert because another one of the same key fired: its own end never reached us. */
export function supersede<A extends AlertState>(alert: A, by: AlertEvent, recordedAt: number): Effect<A> {
  return end(
    alert,
    { status: 'CLOSED', time: by.time, reason: 'superseded', actor: 'tocsin', transition: null, detail: { by: by.alert_id } },
    recordedAt,
  );
}

function missing(applied: number, event: AlertEvent, recordedAt: number): TimelineEntry[] {
  if (event.transition === applied + 1) return [];
  const detail = { from: applied + 1, to: event.transition - 1 };
  return [{ ...said(event, recordedAt), what: 'gap', actor: 'tocsin', why: `messages ${detail.from} to ${detail.to} are missing`, detail }];
}

function birth(event: AlertEvent, recordedAt: number): Effect {
  const alert: Alert = {
    ...alertDescriptionOf(event),
    status: 'ABNORMAL',
    latest_time: event.time,
    end_time: null,
    end_reason: null,
    transition_no: event.transition,
    is_acknowledged: false,
    acknowledged_by: null,
    acknowledged_at: null,
    is_shielded: false,
    is_recovering: false,
    is_blocked: false,
    is_flapping: false,
    generator_url: event.generator_url ?? null,
    created_at: recordedAt,
    updated_at: recordedAt,
  };
  const detail = { severity: event.severity, value: event.value, description: event.description };
  const entry: TimelineEntry = { ...said(event, recordedAt), what: 'created', detail };
  return { alert, timeline: [entry], changes: [statusChange(alert, entry, null, alert.status)] };
}

/** What a message makes of an open alert; "still abnormal" only refreshes the row, so that timelines do not fill with it. */
function advance<A extends AlertState>(alert: A, event: AlertEvent, recordedAt: number): Effect<A> {
  const fresh = refreshed(alert, event, recordedAt);
  if (event.status !== 'ABNORMAL') {
    const { status, time, reason, transition } = event;
    return end(fresh, { status, time, reason, actor: 'detect', transition, detail: { value: event.value } }, recordedAt);
  }
  return event.severity === alert.severity ? { alert: fresh, timeline: [], changes: [] } : changeSeverity(fresh, event, recordedAt);
}

function refreshed<A extends AlertState>(alert: A, event: AlertEvent, recordedAt: number): A {
  return {
    ...alert,
    value: event.value ?? alert.value,
    description: event.description,
    annotations: event.annotations,
    generator_url: event.generator_url ?? alert.generator_url,
    latest_time: Math.max(alert.latest_time, event.time),
    transition_no: event.transition,
    updated_at: recordedAt,
  };
}

/** A more severe alert is news for everybody, so an acknowledgement does not outlive it. */
function changeSeverity<A extends AlertState>(alert: A, event: AlertEvent, recordedAt: number): Effect<A> {
  const detail = { from: alert.severity, to: event.severity, value: event.value };
  const entry: TimelineEntry = { ...said(event, recordedAt), what: 'severity_changed', detail };
  const changed = { ...alert, severity: event.severity };
  const change = statusChange(changed, entry, String(alert.severity), String(event.severity));
  if (event.severity > alert.severity || !alert.is_acknowledged) return { alert: changed, timeline: [entry], changes: [change] };
  const unacknowledged: TimelineEntry = { ...entry, what: 'unacknowledged', actor: 'tocsin', why: 'severity raised', detail: null };
  return {
    alert: { ...changed, is_acknowledged: false, acknowledged_by: null, acknowledged_at: null },
    timeline: [entry, unacknowledged],
    changes: [change, statusChange(changed, unacknowledged, 'acknowledged', 'unacknowledged')],
  };
}

interface End {
  readonly status: Alert['status'];
  readonly time: number;
  readonly reason: string;
  readonly actor: string;
  readonly transition: number | null;
  readonly detail: TimelineEntry['detail'];
  /** What people read; default the reason. */
  readonly why?: string;
}

/** Ends an open alert. */
export function end<A extends AlertState>(alert: A, { status, time, reason, actor, transition, detail, why }: End, recordedAt: number): Effect<A> {
  const entry: TimelineEntry = {
    alert_id: alert.alert_id,
    at: time,
    recorded_at: recordedAt,
    what: status === 'RECOVERED' ? 'recovered' : 'closed',
    actor,
    why: why ?? reason,
    detail,
    transition_no: transition,
  };
  return {
    alert: { ...alert, status, end_time: time, end_reason: reason, updated_at: recordedAt },
    timeline: [entry],
    changes: [statusChange(alert, entry, alert.status, status)],
  };
}

function said(event: AlertEvent, recordedAt: number): Omit<TimelineEntry, 'what'> {
  const { alert_id, time, reason, transition } = event;
  return { alert_id, at: time, recorded_at: recordedAt, actor: 'detect', why: reason, detail: null, transition_no: transition };
}

/** The broadcast of a timeline entry; its id is the same whenever the same message is applied again. */
export function statusChange(alert: AlertState, entry: TimelineEntry, from: string | null, to: string): AlertStatusChange {
  const { alert_id, alert_key, bk_biz_id, strategy_id } = alert;
  const occasion = entry.transition_no === null ? [entry.at, entry.actor, entry.why] : [entry.transition_no];
  return {
    event_id: identity('alert_status', alert_id, entry.what, ...occasion),
    alert_id,
    alert_key,
    bk_biz_id,
    strategy_id,
    what: entry.what as AlertStatusChange['what'],
    from,
    to,
    by: entry.actor,
    why: entry.why,
    time: entry.at,
  };
}
