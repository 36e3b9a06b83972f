import type { AlgorithmPoint, AlgorithmFinding } from './algorithms/algorithm.js';
import type { JudgementColumns } from './judgement-columns.js';
import { levelOf, type Rule, type RuleLevel } from './rules.js';
import { ageOf, agesOf, slide } from './windows.js';

/** Interval (ms) between two messages that only confirm that an alert is still active. */
export const STILL_ABNORMAL_MS = 300_000;
/** More than any recovery window. */
const MAX_STREAK = 0xffff;

export type PointVerdict = 'fired' | 'severity_changed' | 'still_abnormal' | 'recovered';

/**
 * Enters a point into the windows and the streak of its series (docs/detect.md section 4), and the findings of its anomalous levels into `findings`.
 * False when it cannot have a consequence: no alert is open and no level is anomalous.
 */
export function enterPoint(
  rule: Rule,
  columns: JudgementColumns,
  id: number,
  period: number,
  point: AlgorithmPoint,
  findings: (AlgorithmFinding | undefined)[],
): boolean {
  const { windows } = columns;
  const severity = columns.severity[id]!;
  const empty = period - columns.judgedThrough[id]!;
  columns.judgedThrough[id] = period + 1;
  let matters = severity !== 0;
  for (const level of rule.levels) {
    const at = id * rule.words + level.at;
    const age = level.severity === severity ? ageOf(windows, at, level.window, level.count) : 0;
    slide(windows, at, level.window, empty + 1);
    const finding = level.judge(point);
    if (finding) {
      findings[level.index] = finding;
      windows[at]! |= 1;
      matters = true;
    }
    if (level.severity === severity) {
      columns.streak[id] = isMet(columns, at, level) ? 0 : Math.min(streakAfter(columns.streak[id]!, age, level.window, empty) + 1, MAX_STREAK);
    }
  }
  return matters;
}

/** The streak after `empty` periods without data, when the last anomaly that the condition needs was `age` periods before them. */
function streakAfter(streak: number, age: number, window: number, empty: number): number {
  const stillMet = window - 1 - age;
  return stillMet < 0 ? streak + empty : Math.max(0, empty - stillMet);
}

const isMet = ({ windows }: JudgementColumns, at: number, level: RuleLevel): boolean => ageOf(windows, at, level.window, level.count) < level.window;

/** The most severe level that triggers at the point just entered. */
export function triggeredLevel(rule: Rule, columns: JudgementColumns, id: number): RuleLevel | undefined {
  return rule.levels.find((level) => {
    const at = id * rule.words + level.at;
    return (columns.windows[at]! & 1) === 1 && isMet(columns, at, level);
  });
}

/** The transition of the alert that the point just entered causes, if any; `time` is its start (ms). */
export function pointVerdict(
  rule: Rule,
  columns: JudgementColumns,
  id: number,
  time: number,
  triggered: RuleLevel | undefined,
): PointVerdict | undefined {
  const severity = columns.severity[id]!;
  if (severity === 0) return triggered && 'fired';
  if (columns.streak[id]! >= levelOf(rule, severity).recovery) return 'recovered';
  if (!triggered) return undefined;
  if (triggered.severity < severity) return 'severity_changed';
  return time - columns.emittedAt[id]! >= STILL_ABNORMAL_MS ? 'still_abnormal' : undefined;
}

/** Times (ms) of the anomalies of a level that belong to the present alert, when the point just entered is at `time`; at least that one. */
export function anomalyTimes(rule: Rule, columns: JudgementColumns, id: number, time: number, level: RuleLevel): number[] {
  const times = agesOf(columns.windows, id * rule.words + level.at, level.window)
    .map((age) => time - age * rule.interval)
    .filter((anomaly) => anomaly > columns.lastEnd[id]!);
  return times.length > 0 ? times : [time];
}
