import { z } from 'zod';
import type { Actor } from '../shared/actor.js';
import { identity } from '../shared/identity.js';
import { bodySchema } from '../shared/parse.js';
import { alertDescriptionOf, type AlertEvent, MANUAL_CLOSE_DISTANCE, topics } from '../topics.js';
import { type TimelineEntry, type What } from '../database/timeline-table.js';
import { type Alert, type AlertUpdate, isOpen } from './alert.js';
import { endAlert, statusChange } from './lifecycle.js';

const by = z.string().trim().min(1).max(128);
const words = z.string().trim().min(1).max(2000);

export const acknowledgeBody = bodySchema(z.strictObject({ by, comment: words.optional() }), {
  code: 'T1101',
  whole: '(body)',
  example: { by: 'ann', comment: 'looking into it' },
});
export const closeBody = bodySchema(z.strictObject({ by, reason: words }), {
  code: 'T1101',
  whole: '(body)',
  example: { by: 'ann', reason: 'the host was retired' },
});
export const commentBody = bodySchema(z.strictObject({ by, text: words }), {
  code: 'T1101',
  whole: '(body)',
  example: { by: 'ann', text: 'the fan is broken' },
});

/** The bodies without the name of the person, which is that of the {@link Actor}. */
export type AcknowledgeCommand = Omit<z.output<typeof acknowledgeBody>, 'by'>;
export type CloseCommand = Omit<z.output<typeof closeBody>, 'by'>;
export type CommentCommand = Omit<z.output<typeof commentBody>, 'by'>;

/** The result of a command, or why it changes nothing. */
export type CommandResult = AlertUpdate | { ignored: 'ended' | 'already_acknowledged' | 'not_acknowledged' };

/** Acknowledges the alert. A comment on an alert that is already acknowledged is kept as a comment. */
export function acknowledge(alert: Alert, { comment }: AcknowledgeCommand, actor: Actor, now: number): CommandResult {
  if (!isOpen(alert)) return { ignored: 'ended' };
  if (alert.is_acknowledged) return comment ? addComment(alert, { text: comment }, actor, now) : { ignored: 'already_acknowledged' };
  const entry = commandEntry(alert, 'acknowledged', actor, comment ?? '', now);
  return {
    alert: { ...alert, is_acknowledged: true, acknowledged_by: actor.name, acknowledged_at: now, updated_at: now },
    timeline: [entry],
    changes: [statusChange(alert, entry, 'unacknowledged', 'acknowledged')],
  };
}

export function unacknowledge(alert: Alert, { comment }: AcknowledgeCommand, actor: Actor, now: number): CommandResult {
  if (!isOpen(alert)) return { ignored: 'ended' };
  if (!alert.is_acknowledged) return { ignored: 'not_acknowledged' };
  const entry = commandEntry(alert, 'unacknowledged', actor, comment ?? '', now);
  return {
    alert: { ...alert, is_acknowledged: false, acknowledged_by: null, acknowledged_at: null, updated_at: now },
    timeline: [entry],
    changes: [statusChange(alert, entry, 'acknowledged', 'unacknowledged')],
  };
}

/** Closes the alert by hand; later events of Detect are ignored. */
export function close(alert: Alert, { reason }: CloseCommand, actor: Actor, now: number): CommandResult {
  if (!isOpen(alert)) return { ignored: 'ended' };
  return endAlert(alert, { status: 'CLOSED', time: now, reason: 'by hand', why: reason, actor: actor.name, transition: null, detail: null }, now);
}

/**
 * The event that closes the alert for every reader of the topic `alerts`. Detect does not read the topic: for Detect the alert stays open
 * until it recovers.
 */
export function closingEvent(alert: Alert): AlertEvent {
  return {
    event_id: identity(alert.alert_id, 'closed by hand'),
    ...alertDescriptionOf(alert),
    transition: alert.transition_no + MANUAL_CLOSE_DISTANCE,
    kind: 'closed',
    reason: 'by hand',
    status: 'CLOSED',
    anomaly_timestamps: [],
    time: alert.end_time ?? alert.latest_time,
    ...(alert.generator_url !== null && { generator_url: alert.generator_url }),
    source: { topic: topics.alerts.name, partition: 0, offset: 0 },
    epoch: 0,
  };
}

/** Adds a comment, also to an alert that has ended. */
export function addComment(alert: Alert, { text }: CommentCommand, actor: Actor, now: number): AlertUpdate {
  const entry = commandEntry(alert, 'commented', actor, text, now);
  return { alert: { ...alert, updated_at: now }, timeline: [entry], changes: [statusChange(alert, entry, null, text)] };
}

function commandEntry(alert: Alert, what: What, actor: Actor, why: string, now: number): TimelineEntry {
  return { alert_id: alert.alert_id, at: now, recorded_at: now, what, actor: actor.name, why, detail: null, transition_no: null };
}
