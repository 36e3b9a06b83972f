import { canonical, identity } from '../shared/identity.js';
import type { AlertSubject } from './alert-draft.js';
import type { Rule } from './rules.js';
import { partsOf } from './series-text.js';
import { targetOf } from './target.js';

/** The state of an alert that its messages carry. */
interface AlertState extends Pick<AlertSubject, 'transition' | 'begin_time'> {
  /** Version of the strategy that fired it. */
  readonly firedBy: number;
}

/** The subject of a message about the alert of one series; `text` is that of the series, which ends with the source with `sourceInIdentity`. */
export function strategyAlertSubject(
  { strategy, dimensions: names, metric }: Rule,
  text: string,
  sourceInIdentity: boolean,
  alert: AlertState,
): AlertSubject {
  const parts = partsOf(text, names.length + (sourceInIdentity ? 1 : 0));
  const dimensions = Object.fromEntries(names.map((name, index) => [name, parts[index]!]));
  const alert_key = identity('alert', strategy.bk_biz_id, strategy.id, canonical(dimensions), ...parts.slice(names.length));
  const { transition, begin_time } = alert;
  return {
    alert_id: identity(alert_key, alert.firedBy, begin_time),
    alert_key,
    transition,
    bk_biz_id: strategy.bk_biz_id,
    strategy_id: strategy.id,
    strategy_version: strategy.version,
    strategy_name: strategy.name,
    alert_name: strategy.name,
    ...targetOf(dimensions),
    dimensions,
    labels: { ...strategy.labels, ...dimensions },
    annotations: {},
    metric,
    begin_time,
  };
}
