import { identity } from '../../src/shared/identity.js';
import type { AlertEvent, Severity } from '../../src/topics.js';

/** A message that Detect must emit, reduced to the fields that docs/detect.md defines. */
export interface ReferenceMessage extends Pick<
  AlertEvent,
  'kind' | 'status' | 'severity' | 'alert_id' | 'alert_key' | 'event_id' | 'transition' | 'begin_time' | 'time'
> {
  /** undefined where the page defines none. */
  readonly reason?: string;
  /** undefined where the page defines none. */
  readonly value?: number | null;
  /** Only in the first message, and only for alerts of strategies. */
  readonly anomaly_timestamps?: readonly number[];
  readonly strategy_id: number;
  /** Position of the record that caused it. */
  readonly partition: number;
  readonly offset: number;
}

/** The state of an alert after the last record. */
export interface ReferenceAlert {
  readonly alert_id: string;
  readonly alert_key: string;
  /** 0 for alerts of external senders. */
  readonly strategy_id: number;
  readonly begin_time: number;
  status: AlertEvent['status'];
  severity: Severity;
  end_time: number | null;
  readonly transitions: ReferenceMessage[];
}

/** The fields in which messages about one alert differ. */
interface Change extends Pick<ReferenceMessage, 'time' | 'reason' | 'value' | 'anomaly_timestamps'> {
  readonly severity?: Severity;
}

const statusAfter = {
  fired: 'ABNORMAL',
  severity_changed: 'ABNORMAL',
  still_abnormal: 'ABNORMAL',
  recovered: 'RECOVERED',
  closed: 'CLOSED',
} as const;

/** The messages and alerts of one partition. */
export class Journal {
  readonly messages: ReferenceMessage[] = [];
  readonly alerts: ReferenceAlert[] = [];
  /** Offset of the record being applied. */
  offset = -1;

  constructor(private readonly partition: number) {}

  /** Opens an alert with its first message. */
  fire(facts: Pick<ReferenceAlert, 'alert_id' | 'alert_key' | 'strategy_id' | 'begin_time' | 'severity'>, change: Change): ReferenceAlert {
    const alert: ReferenceAlert = { ...facts, status: 'ABNORMAL', end_time: null, transitions: [] };
    this.alerts.push(alert);
    this.emit(alert, 'fired', change);
    return alert;
  }

  /** Adds a message to an open alert, and updates the alert accordingly. */
  emit(alert: ReferenceAlert, kind: AlertEvent['kind'], { severity = alert.severity, ...change }: Change): void {
    if (alert.status !== 'ABNORMAL') throw new Error(`${kind} for alert ${alert.alert_id}, which has ended`);
    alert.severity = severity;
    alert.status = statusAfter[kind];
    if (alert.status !== 'ABNORMAL') alert.end_time = change.time;
    const { alert_id, alert_key, begin_time, status, strategy_id } = alert;
    const transition = alert.transitions.length + 1;
    const event_id = identity(alert_id, transition);
    const { partition, offset } = this;
    const message = { kind, status, severity, alert_id, alert_key, event_id, transition, begin_time, strategy_id, partition, offset, ...change };
    alert.transitions.push(message);
    this.messages.push(message);
  }
}

/** `time` of the last message about an alert. */
export const lastMessageTime = (alert: ReferenceAlert): number => alert.transitions.at(-1)!.time;
