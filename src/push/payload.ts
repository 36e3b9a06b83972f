import type { AlertStatusChange } from '../topics.js';
import { severityNames } from '../shared/severity.js';
import { type Alert } from '../alert/alert.js';

export const pushTypes = ['ANOMALY_PUSH', 'RECOVERY_PUSH', 'CLOSE_PUSH'] as const;
export type PushType = (typeof pushTypes)[number];

const types: Readonly<Partial<Record<AlertStatusChange['what'], PushType>>> = {
  created: 'ANOMALY_PUSH',
  severity_changed: 'ANOMALY_PUSH',
  recovered: 'RECOVERY_PUSH',
  closed: 'CLOSE_PUSH',
};

/** The push type of a change; undefined for changes that are not pushed, such as a comment. */
export const pushTypeOf = ({ what }: Pick<AlertStatusChange, 'what'>): PushType | undefined => types[what];

/** The push type of the current state of an alert. */
export const pushTypeNow = ({ status }: Pick<Alert, 'status'>): PushType =>
  status === 'ABNORMAL' ? 'ANOMALY_PUSH' : status === 'RECOVERED' ? 'RECOVERY_PUSH' : 'CLOSE_PUSH';

/** The whole alert as in API responses, with the push type. Times are epoch ms. */
export function fullPayload(type: PushType, alert: Alert, id: string): Record<string, unknown> {
  return { type, idempotency_key: id, alert, severity_name: severityNames[alert.severity] };
}

/** The smaller format of bk-monitor for older self-healing systems. Times are epoch seconds. */
export function compatiblePayload(type: PushType, alert: Alert, id: string): Record<string, unknown> {
  const seconds = (ms: number | null): number | null => (ms === null ? null : Math.floor(ms / 1000));
  const scenario = alert.strategy_id === 0 ? 'external' : 'custom';
  return {
    type,
    idempotency_key: id,
    scenario,
    bk_biz_id: /^\d+$/.test(alert.bk_biz_id) ? Number(alert.bk_biz_id) : alert.bk_biz_id,
    bk_biz_name: alert.bk_biz_id,
    event: {
      id: alert.alert_id,
      is_shielded: alert.is_shielded,
      begin_time: seconds(alert.begin_time),
      create_time: seconds(alert.created_at),
      end_time: seconds(alert.end_time),
      level: alert.severity,
      level_name: severityNames[alert.severity],
      agg_dimensions: Object.keys(alert.dimensions),
      dimensions: alert.dimensions,
      dimension_translation: Object.fromEntries(
        Object.entries(alert.dimensions).map(([name, value]) => [name, { value, display_name: name, display_value: value }]),
      ),
    },
    strategy: {
      id: alert.strategy_id,
      name: alert.strategy_name,
      scenario,
      item_list: [{ metric_field: alert.metric, metric_field_name: alert.metric }],
    },
    latest_anomaly_record: { source_time: seconds(alert.latest_time), value: alert.value },
    current_value: alert.value,
    description: alert.description,
    related_info: alert.annotations['summary'] ?? '',
    labels: Object.entries(alert.labels).map(([name, value]) => `${name}:${value}`),
  };
}
