import { identity } from '../shared/identity.js';
import type { AlertEvent } from '../topics.js';

/** The fields that the schema names, without its index signature for unknown ones. */
type Named<T> = { [Key in keyof T as string extends Key ? never : number extends Key ? never : Key]: T[Key] };

/** An alert event without its position in the log and its writer. */
export type AlertDraft = Omit<Named<AlertEvent>, 'source' | 'epoch'>;

export type EmitAlert = (draft: AlertDraft) => void;

/** The fields of an alert event that say what happened to the alert. */
export type AlertChange = Pick<AlertDraft, 'kind' | 'reason' | 'severity' | 'time' | 'value' | 'description' | 'anomaly_timestamps'>;

const statuses = {
  fired: 'ABNORMAL',
  severity_changed: 'ABNORMAL',
  still_abnormal: 'ABNORMAL',
  recovered: 'RECOVERED',
  closed: 'CLOSED',
} as const satisfies Record<AlertEvent['kind'], AlertEvent['status']>;

/** The fields of an alert event that say which alert it is about. */
export type AlertSubject = Omit<AlertDraft, keyof AlertChange | 'event_id' | 'status'>;

/** Composes an alert event. */
export function alertDraft(subject: AlertSubject, change: AlertChange): AlertDraft {
  return { event_id: identity(subject.alert_id, subject.transition), ...subject, ...change, status: statuses[change.kind] };
}
