import { levelOf, type Rule, type RuleLevel } from './rules.js';
import type { SeriesColumns } from './series.js';
import { ageOf, agesOf, slide } from './windows.js';

/** Time (ms) between two messages that say nothing but that an alert goes on. */
export const STILL_ABNORMAL = 300_000;
/** More than any recovery window. */
const MAX_STREAK = 0xffff;

export type Verdict = 'fired' | 'severity_changed' | 'still_abnormal' | 'recovered';

/**
 * Enters a closed bucket into the windows and the streak of its series (docs/detect.md section 4).
 * False when nothing can follow from it: no alert is open and no level is anomalous.
 */
export function enter(rule: Rule, columns: SeriesColumns, id: number, period: number, value: number): boolean {
  const { windows } = columns;
  const severity = columns.severity[id]!;
  const empty = period - columns.closedThrough[id]!;
  columns.closedThrough[id] = period + 1;
  let matters = severity !== 0;
  for (const level of rule.levels) {
    const at = id * rule.words + level.at;
    const age = level.severity === severity ? ageOf(windows, at, level.window, level.count) : 0;
    slide(windows, at, level.window, empty + 1);
    if (level.anomalous(value)) {
      windows[at]! |= 1;
      matters = true;
    }
    if (level.severity === severity) {
      columns.streak[id] = isMet(columns, at, level) ? 0 : Math.min(streakAfter(columns.streak[id]!, age, level.window, empty) + 1, MAX_STREAK);
    }
  }
  return matters;
}

/** The streak after so many empty periods, when the last anomaly that the condition needs was `age` periods before them. */
function streakAfter(streak: number, age: number, window: number, empty: number): number {
  const stillMet = window - 1 - age;
  return stillMet < 0 ? streak + empty : Math.max(0, empty - stillMet);
}

const isMet = ({ windows }: SeriesColumns, at: number, level: RuleLevel): boolean => ageOf(windows, at, level.window, level.count) < level.window;

/** The most severe level that triggers at the point just entered. */
export function triggeredLevel(rule: Rule, columns: SeriesColumns, id: number): RuleLevel | undefined {
  return rule.levels.find((level) => {
    const at = id * rule.words + level.at;
    return (columns.windows[at]! & 1) === 1 && isMet(columns, at, level);
  });
}

/** What the point just entered means; `time` is its start (ms). */
export function judge(rule: Rule, columns: SeriesColumns, id: number, time: number, triggered: RuleLevel | undefined): Verdict | undefined {
  const severity = columns.severity[id]!;
  if (severity === 0) return triggered && 'fired';
  if (columns.streak[id]! >= levelOf(rule, severity).recovery) return 'recovered';
  if (!triggered) return undefined;
  if (triggered.severity < severity) return 'severity_changed';
  return time - columns.told[id]! >= STILL_ABNORMAL ? 'still_abnormal' : undefined;
}

/** Times (ms) of the anomalies of a level that belong to the present alert, when the point just entered is at `time`; at least that one. */
export function anomalies(rule: Rule, columns: SeriesColumns, id: number, time: number, level: RuleLevel): number[] {
  const times = agesOf(columns.windows, id * rule.words + level.at, level.window)
    .map((age) => time - age * rule.interval)
    .filter((anomaly) => anomaly > columns.lastEnd[id]!);
  return times.length > 0 ? times : [time];
}
