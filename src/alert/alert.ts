import type { TimelineEntry } from '../database/timeline-table.js';
import type { AlertEvent, AlertStatusChange, Severity } from '../topics.js';

/** The identity of an alert and its mutable fields, which events change. Times are epoch ms. */
export interface AlertState {
  readonly alert_id: string;
  readonly alert_key: string;
  readonly bk_biz_id: string;
  /** 0 for alerts of external senders. */
  readonly strategy_id: number;
  readonly status: AlertEvent['status'];
  readonly severity: Severity;
  readonly annotations: Readonly<Record<string, string>>;
  /** The latest value. */
  readonly value: number | null;
  readonly description: string;
  /** Data time of the latest message. */
  readonly latest_time: number;
  readonly end_time: number | null;
  readonly end_reason: string | null;
  /** Number of the latest event that was applied. */
  readonly transition_no: number;
  readonly is_acknowledged: boolean;
  readonly acknowledged_by: string | null;
  readonly acknowledged_at: number | null;
  readonly generator_url: string | null;
  readonly updated_at: number;
}

/** One row of the alert table, and the alert as the API shows it. */
export interface Alert extends AlertState {
  /** Version of the strategy when the alert was created. */
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

/** The result of one step: the new row, timeline entries, and changes to publish. */
export interface AlertUpdate<A extends AlertState = Alert> {
  readonly alert: A;
  readonly timeline: readonly TimelineEntry[];
  readonly changes: readonly AlertStatusChange[];
}

export const isOpen = (alert: Pick<AlertState, 'status'>): boolean => alert.status === 'ABNORMAL';
