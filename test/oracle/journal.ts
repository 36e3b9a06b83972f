import { identity } from '../../src/shared/identity.js';
import type { AlertEvent, Severity } from '../../src/topics.js';

/** A message that Detect must emit, as far as docs/detect.md defines it. */
export interface ReferenceMessage extends Pick<
  AlertEvent,
  'kind' | 'status' | 'severity' | 'alert_id' | 'alert_key' | 'event_id' | 'transition' | 'begin_time' | 'time'
> {
  /** undefined where the page does not name one. */
  readonly reason?: string;
  /** undefined where the page does not say. */
  readonly value?: number | null;
  /** Only at birth, and only for alerts of strategies. */
  readonly anomaly_timestamps?: readonly number[];
  readonly strategy_id: number;
  /** The record that caused it. */
  readonly partition: number;
  readonly offset: number;
}

/** An alert as it is after the last record. */
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

/** What is special about one message. */
interface Occasion extends Pick<ReferenceMessage, 'time' | 'reason' | 'value' | 'anomaly_timestamps'> {
  readonly severity?: Severity;
}

const statusAfter = {
  fired: 'ABNORMAL',
  severity_changed: 'ABNORMAL',
  still_abnormal: 'ABNORMAL',
  recovered: 'RECOVERED',
  closed: 'CLOSED',
} as const;

/** What one partition has emitted so far. */
export class Journal {
  readonly messages: ReferenceMessage[] = [];
  readonly alerts: ReferenceAlert[] = [];
  /** The record that is being applied. */
  offset = -1;

  constructor(private readonly partition: number) {}

  /** Opens an alert: its first message. */
  fire(birth: Pick<ReferenceAlert, 'alert_id' | 'alert_key' | 'strategy_id' | 'begin_time' | 'severity'>, occasion: Occasion): ReferenceAlert {
    const alert: ReferenceAlert = { ...birth, status: 'ABNORMAL', end_time: null, transitions: [] };
    this.alerts.push(alert);
    this.tell(alert, 'fired', occasion);
    return alert;
  }

  /** Adds a message to an open alert, and changes the alert as the message says. */
  tell(alert: ReferenceAlert, kind: AlertEvent['kind'], { severity = alert.severity, ...occasion }: Occasion): void {
    if (alert.status !== 'ABNORMAL') throw new Error(`${kind} for alert ${alert.alert_id}, which has ended`);
    alert.severity = severity;
    alert.status = statusAfter[kind];
    if (alert.status !== 'ABNORMAL') alert.end_time = occasion.time;
    const { alert_id, alert_key, begin_time, status, strategy_id } = alert;
    const transition = alert.transitions.length + 1;
    const event_id = identity(alert_id, transition);
    const { partition, offset } = this;
    const message = { kind, status, severity, alert_id, alert_key, event_id, transition, begin_time, strategy_id, partition, offset, ...occasion };
    alert.transitions.push(message);
    this.messages.push(message);
  }
}

/** Data time of the last message about an alert. */
export const lastTold = (alert: ReferenceAlert): number => alert.transitions.at(-1)!.time;
