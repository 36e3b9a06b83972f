import type { RuleLevel, Rule, ReasonToEnd } from './rules.js';

const ends: Record<ReasonToEnd | 'no_data', string> = {
  no_data: 'closed: no data any more',
  strategy_deleted: 'closed: the strategy was deleted',
  strategy_disabled: 'closed: the strategy was disabled',
  strategy_changed: 'closed: the strategy was changed',
};

/** Why an alert is there: `avg(cpu) >= 90, current value 95.2%`. */
export function anomalyInWords(rule: Rule, level: RuleLevel, value: number): string {
  return `${level.explain(rule.subject, value) ?? rule.subject}, current value ${shown(rule, value)}`;
}

/** How an alert ended by itself: `recovered: avg(cpu) is 40%`. */
export function recoveryInWords(rule: Rule, level: RuleLevel, value: number): string {
  return `${level.closes ? 'closed after recovery' : 'recovered'}: ${rule.subject} is ${shown(rule, value)}`;
}

/** How an alert was ended. */
export const endInWords = (reason: ReasonToEnd | 'no_data'): string => ends[reason];

/** Six decimals at most, and the unit. */
function shown({ strategy }: Rule, value: number): string {
  return `${Number(value.toFixed(6))}${strategy.items[0]!.unit}`;
}
