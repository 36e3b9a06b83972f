import type { AlertEvent, AlertStatusChange, Severity } from '../topics.js';

/** What names an alert, and what changes in its life: all that the next step needs to know. Times are epoch ms. */
export interface AlertState {
  readonly alert_id: string;
  readonly alert_key: string;
  readonly bk_biz_id: string;
  /** 0 for alerts of external senders. */
  readonly strategy_id: number;
  readonly status: AlertEvent['status'];
  readonly severity: Severity;
  readonly annotations: Readonly<Record<string, string>>;
  /** The latest value that is known. */
  readonly value: number | null;
  readonly description: string;
  /** Data time of the latest message. */
  readonly latest_time: number;
  readonly end_time: number | null;
  readonly end_reason: string | null;
  /** Number of the latest message that took effect. */
  readonly transition_no: number;
  readonly is_acknowledged: boolean;
  readonly acknowledged_by: string | null;
  readonly acknowledged_at: number | null;
  readonly generator_url: string | null;
  readonly updated_at: number;
}

/** One row of the alert table, and the alert as the API shows it. */
export interface Alert extends AlertState {
  /** Version of the strategy at the birth of the alert. */
  readonly strategy_version: number;
  readonly strategy_name: string;
  readonly alert_name: string;
  readonly target_type: string;
  readonly target: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly metric: string;
  /** First anomaly. */
  readonly begin_time: number;
  readonly is_shielded: boolean;
  readonly is_recovering: boolean;
  readonly is_blocked: boolean;
  readonly is_flapping: boolean;
  readonly created_at: number;
}

/** `gap`: messages about the alert never arrived. `notified` and `not_sent` are outcomes of notices. */
export type What = AlertStatusChange['what'] | 'gap' | 'notified' | 'not_sent';

/** What happened to an alert, who did it and why. */
export interface TimelineEntry {
  readonly alert_id: string;
  /** When it happened: data time for what Detect said, the clock for everything else (ms). */
  readonly at: number;
  readonly recorded_at: number;
  readonly what: What;
  /** `detect`, `tocsin`, `notice`, or the name of a person. */
  readonly actor: string;
  readonly why: string;
  readonly detail: Readonly<Record<string, unknown>> | null;
  /** Number of the message that caused it. */
  readonly transition_no: number | null;
}

/** What one step makes of an alert: the new row, what the timeline says, and whom to tell. */
export interface Effect<A extends AlertState = Alert> {
  readonly alert: A;
  readonly timeline: readonly TimelineEntry[];
  readonly changes: readonly AlertStatusChange[];
}

const KEY = /^[\x21-\x40\x5b-\x7e]{1,64}$/;

/** What every database stores and compares exactly: short, no capitals, no blanks, nothing beyond ASCII. */
export const isKey = (text: string): boolean => KEY.test(text);
export const NOT_A_KEY = 'must be 1 to 64 printable ASCII characters without capital letters';

export const isOpen = (alert: Pick<AlertState, 'status'>): boolean => alert.status === 'ABNORMAL';

export const severityNames: Readonly<Record<Severity, string>> = { 1: 'fatal', 2: 'warning', 3: 'remind' };

/** The labels that {@link labelsOf} derives when the alert does not have them itself. */
export const derivedLabels: ReadonlySet<string> = new Set(['alertname', 'severity', 'bk_biz_id']);

/** The labels by which people filter and receivers route: the alert's own, and its name, severity and business where it has none of these names. */
export function labelsOf(alert: Pick<Alert, 'alert_name' | 'severity' | 'bk_biz_id' | 'labels'>): Record<string, string> {
  return { alertname: alert.alert_name, severity: severityNames[alert.severity], bk_biz_id: alert.bk_biz_id, ...alert.labels };
}
