import { identity } from '../shared/identity.js';
import type { AlertEvent } from '../topics.js';

/** The fields that the schema names, without its door for unknown ones. */
type Named<T> = { [Key in keyof T as string extends Key ? never : number extends Key ? never : Key]: T[Key] };

/** A message about an alert, before its place in the log and its writer are added. */
export type AlertDraft = Omit<Named<AlertEvent>, 'source' | 'epoch'>;

export type Emit = (draft: AlertDraft) => void;

/** What happened to an alert. */
export type Occasion = Pick<AlertDraft, 'kind' | 'reason' | 'severity' | 'time' | 'value' | 'description' | 'anomaly_timestamps'>;

const statuses = {
  fired: 'ABNORMAL',
  severity_changed: 'ABNORMAL',
  still_abnormal: 'ABNORMAL',
  recovered: 'RECOVERED',
  closed: 'CLOSED',
} as const satisfies Record<AlertEvent['kind'], AlertEvent['status']>;

type Subject = Omit<AlertDraft, keyof Occasion | 'event_id' | 'status'>;

/** A message: what the alert is, and what happened to it. */
export function draft(subject: Subject, occasion: Occasion): AlertDraft {
  return { event_id: identity(subject.alert_id, subject.transition), ...subject, ...occasion, status: statuses[occasion.kind] };
}
