import type { AlgorithmFinding } from './algorithms/algorithm.js';
import type { ReasonToEnd, Rule, RuleLevel } from './rules.js';

const ends: Record<ReasonToEnd | 'no_data', string> = {
  no_data: 'closed: no data any more',
  strategy_deleted: 'closed: the strategy was deleted',
  strategy_disabled: 'closed: the strategy was disabled',
  strategy_changed: 'closed: the strategy was changed',
};

/** Description of an open alert: `avg(cpu) >= 90, current value 95.2%`. */
export function anomalyInWords(rule: Rule, finding: AlgorithmFinding, value: number): string {
  return `${finding.text(rule.subject)}, current value ${valueText(rule, value)}`;
}

/** Description of an alert that recovered: `recovered: avg(cpu) is 40%`. */
export function recoveryInWords(rule: Rule, level: RuleLevel, value: number): string {
  return `${level.closes ? 'closed after recovery' : 'recovered'}: ${rule.subject} is ${valueText(rule, value)}`;
}

/** Description of an alert that was closed. */
export const endInWords = (reason: ReasonToEnd | 'no_data'): string => ends[reason];

/** Six decimals at most, and the unit. */
function valueText({ unit }: Rule, value: number): string {
  return `${Number(value.toFixed(6))}${unit}`;
}
