import { z } from 'zod';
import type { Actor } from '../shared/actor.js';
import { identity } from '../shared/identity.js';
import { bodySchema } from '../shared/parse.js';
import { alertDescriptionOf, type AlertEvent, MANUAL_CLOSE_DISTANCE, topics } from '../topics.js';
import { type TimelineEntry, type What } from '../database/timeline-table.js';
import { type Alert, type Effect, isOpen } from './alert.js';
import { end, statusChange } from './lifecycle.js';

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

/** What the bodies say besides the name of the person, which is that of the {@link Actor}. */
export type AcknowledgeCommand = Omit<z.output<typeof acknowledgeBody>, 'by'>;
export type CloseCommand = Omit<z.output<typeof closeBody>, 'by'>;
export type CommentCommand = Omit<z.output<typeof commentBody>, 'by'>;

/** What a command of a person makes of an alert, or why it makes nothing of it. */
export type Verdict = Effect | { ignored: 'ended' | 'already_acknowledged' | 'not_acknowledged' };

/** Somebody takes care of the alert. A comment on an alert that is already acknowledged is kept as a comment. */
export function acknowledge(alert: Alert, { comment }: AcknowledgeCommand, actor: Actor, now: number): Verdict {
  if (!isOpen(alert)) return { ignored: 'ended' };
  if (alert.is_acknowledged) return comment ? addComment(alert, { text: comment }, actor, now) : { ignored: 'already_acknowledged' };
  const entry = done(alert, 'acknowledged', actor, comment ?? '', now);
  return {
    alert: { ...alert, is_acknowledged: true, acknowledged_by: actor.name, acknowledged_at: now, updated_at: now },
    timeline: [entry],
    changes: [statusChange(alert, entry, 'unacknowledged', 'acknowledged')],
  };
}

export function unacknowledge(alert: Alert, { comment }: AcknowledgeCommand, actor: Actor, now: number): Verdict {
  if (!isOpen(alert)) return { ignored: 'ended' };
  if (!alert.is_acknowledged) return { ignored: 'not_acknowledged' };
  const entry = done(alert, 'unacknowledged', actor, comment ?? '', now);
  return {
    alert: { ...alert, is_acknowledged: false, acknowledged_by: null, acknowledged_at: null, updated_at: now },
    timeline: [entry],
    changes: [statusChange(alert, entry, 'acknowledged', 'unacknowledged')],
  };
}

/** Somebody ends the alert; what Detect says about it later is ignored. */
export function close(alert: Alert, { reason }: CloseCommand, actor: Actor, now: number): Verdict {
  if (!isOpen(alert)) return { ignored: 'ended' };
  return end(alert, { status: 'CLOSED', time: now, reason: 'by hand', why: reason, actor: actor.name, transition: null, detail: null }, now);
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

/** A remark; alerts that are over can be commented too. */
export function addComment(alert: Alert, { text }: CommentCommand, actor: Actor, now: number): Effect {
  const entry = done(alert, 'commented', actor, text, now);
  return { alert: { ...alert, updated_at: now }, timeline: [entry], changes: [statusChange(alert, entry, null, text)] };
}

function done(alert: Alert, what: What, actor: Actor, why: string, now: number): TimelineEntry {
  return { alert_id: alert.alert_id, at: now, recorded_at: now, what, actor: actor.name, why, detail: null, transition_no: null };
}
