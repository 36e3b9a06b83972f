import { severityNames } from './severity.js';

/** The fields of an alert from which its labels are derived. */
export interface Labelled {
  readonly alert_name: string;
  readonly severity: keyof typeof severityNames;
  readonly bk_biz_id: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The labels that {@link alertLabels} derives when the alert does not have them itself. */
export const derivedLabels: ReadonlySet<string> = new Set(['alertname', 'severity', 'bk_biz_id']);

/** Labels for filters and receiver routes: name, severity and business as derived labels, overridden by the alert's own labels. */
export function alertLabels(alert: Labelled): Record<string, string> {
  return { alertname: alert.alert_name, severity: severityNames[alert.severity], bk_biz_id: alert.bk_biz_id, ...alert.labels };
}
