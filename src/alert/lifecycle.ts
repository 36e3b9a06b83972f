import { identity } from '../shared/identity.js';
import type { AlertEvent, AlertStatusChange } from '../topics.js';
import { type TimelineEntry } from '../database/timeline-table.js';
import { type Alert, type AlertState, type AlertUpdate, isOpen } from './alert.js';

/** Why an alert event changes nothing. */
export type IgnoredByAlert =
  /** The outbox may publish an event twice. */
  | 'already_applied'
  /** The alert has ended, for example by hand, and Detect still publishes events about it. */
  | 'ended';

/** Applies one event to its alert (undefined: a new one). `recordedAt` is the time of writing (ms). */
export function applyEvent<A extends AlertState>(
  alert: A | undefined,
  event: AlertEvent,
  recordedAt: number,
): AlertUpdate<A | Alert> | { ignored: IgnoredByAlert } {
  if (alert && event.transition <= alert.transition_no) return { ignored: 'already_applied' };
  if (alert && !isOpen(alert)) return { ignored: 'ended' };
  const gap = missing(alert?.transition_no ?? 0, event, recordedAt);
  if (alert) {
    const step = advance(alert, event, recordedAt);
    return { ...step, timeline: [...gap, ...step.timeline] };
  }
  const created = createAlert(event, recordedAt);
  const step = advance(created.alert, event, recordedAt);
  return { alert: step.alert, timeline: [...gap, ...created.timeline, ...step.timeline], changes: [...created.changes, ...step.changes] };
}

/** Closes an alert because another one of the same key fired and its own end event is missing. */
export function supersedeAlert<A extends AlertState>(alert: A, by: AlertEvent, recordedAt: number): AlertUpdate<A> {
  return endAlert(
    alert,
    { status: 'CLOSED', time: by.time, reason: 'superseded', actor: 'tocsin', transition: null, detail: { by: by.alert_id } },
    recordedAt,
  );
}

function missing(applied: number, event: AlertEvent, recordedAt: number): TimelineEntry[] {
  if (event.transition === applied + 1) return [];
  const detail = { from: applied + 1, to: event.transition - 1 };
  return [{ ...entryOf(event, recordedAt), what: 'gap', actor: 'tocsin', why: `messages ${detail.from} to ${detail.to} are missing`, detail }];
}

/** A new row. Field by field, because copying an object of this many fields by spread costs a fifth of the stage's CPU time. */
function newAlert(event: AlertEvent, recordedAt: number): Alert {
  return {
    alert_id: event.alert_id,
    alert_key: event.alert_key,
    bk_biz_id: event.bk_biz_id,
    strategy_id: event.strategy_id,
    strategy_version: event.strategy_version,
    strategy_name: event.strategy_name,
    alert_name: event.alert_name,
    status: 'ABNORMAL',
    severity: event.severity,
    target_type: event.target_type,
    target: event.target,
    dimensions: event.dimensions,
    labels: event.labels,
    annotations: event.annotations,
    metric: event.metric,
    value: event.value,
    description: event.description,
    begin_time: event.begin_time,
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
}

function createAlert(event: AlertEvent, recordedAt: number): AlertUpdate {
  const alert = newAlert(event, recordedAt);
  const detail = { severity: event.severity, value: event.value, description: event.description };
  const entry: TimelineEntry = { ...entryOf(event, recordedAt), what: 'created', detail };
  return { alert, timeline: [entry], changes: [statusChange(alert, entry, null, alert.status)] };
}

/** Applies an event to an open alert; `still_abnormal` refreshes the row without a timeline entry. */
function advance<A extends AlertState>(alert: A, event: AlertEvent, recordedAt: number): AlertUpdate<A> {
  const fresh = refreshed(alert, event, recordedAt);
  if (event.status !== 'ABNORMAL') {
    const { status, time, reason, transition } = event;
    return endAlert(fresh, { status, time, reason, actor: 'detect', transition, detail: { value: event.value } }, recordedAt);
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

/** A raised severity withdraws the acknowledgement. */
function changeSeverity<A extends AlertState>(alert: A, event: AlertEvent, recordedAt: number): AlertUpdate<A> {
  const detail = { from: alert.severity, to: event.severity, value: event.value };
  const entry: TimelineEntry = { ...entryOf(event, recordedAt), what: 'severity_changed', detail };
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

interface AlertEnd {
  readonly status: Alert['status'];
  readonly time: number;
  readonly reason: string;
  readonly actor: string;
  readonly transition: number | null;
  readonly detail: TimelineEntry['detail'];
  /** Text for operators; default: the reason. */
  readonly why?: string;
}

/** Ends an open alert. */
export function endAlert<A extends AlertState>(
  alert: A,
  { status, time, reason, actor, transition, detail, why }: AlertEnd,
  recordedAt: number,
): AlertUpdate<A> {
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

function entryOf(event: AlertEvent, recordedAt: number): Omit<TimelineEntry, 'what'> {
  const { alert_id, time, reason, transition } = event;
  return { alert_id, at: time, recorded_at: recordedAt, actor: 'detect', why: reason, detail: null, transition_no: transition };
}

/** The `alert_status` message of a timeline entry; its id is the same when the same event is applied again. */
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
