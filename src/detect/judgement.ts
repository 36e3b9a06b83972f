import type { AlgorithmPoint, Finding } from './algorithms/algorithm.js';
import { type AlertChange, alertDraft, type EmitAlert } from './alert-draft.js';
import { anomalyInWords, endInWords, recoveryInWords } from './description.js';
import { type JudgementColumns, judgementTable } from './judgement-columns.js';
import { anomalyTimes, enterPoint, type PointVerdict, triggeredLevel, verdictOf } from './points.js';
import { levelOf, type ReasonToEnd, type Rule, type RuleLevel } from './rules.js';
import { strategyAlertSubject } from './strategy-alert.js';

const noPast: AlgorithmPoint['past'] = [];

/** The third cut: levels, N of M, streak and alert of each series of a rule (docs/detect.md section 4). */
export class Judgement {
  readonly table;
  /** Series with an open alert. */
  #open = 0;
  /** The point and the findings of its levels; reused, because every closed bucket is a point. */
  readonly #point = { value: 0, time: 0, past: noPast };
  readonly #findings: (Finding | undefined)[] = [];
  #rule: Rule;

  /** `texts` are the texts of the rule's series by number; with `sourceInIdentity` they end with the event source. */
  constructor(
    rule: Rule,
    private readonly texts: readonly string[],
    private readonly sourceInIdentity: boolean,
  ) {
    this.#rule = rule;
    this.table = judgementTable(rule);
  }

  /** How many series have an open alert. */
  get open(): number {
    return this.#open;
  }

  /** Continues with a compatible version of the strategy. */
  follow(rule: Rule): void {
    this.#rule = rule;
  }

  /** Derives the counters from the columns of the first `size` series, after they were filled from a checkpoint. */
  recount(size: number): void {
    this.#open = this.table.cells.severity.subarray(0, size).reduce((count, severity) => count + (severity === 0 ? 0 : 1), 0);
  }

  /** Judges the value of a period. */
  judge(id: number, period: number, value: number, emit: EmitAlert): void {
    const rule = this.#rule;
    const { cells } = this.table;
    const time = period * rule.interval;
    this.#point.value = value;
    this.#point.time = time;
    this.table.touch(id);
    if (!enterPoint(rule, cells, id, period, this.#point, this.#findings)) return;
    const triggered = triggeredLevel(rule, cells, id);
    const verdict = verdictOf(rule, cells, id, time, triggered);
    if (verdict === 'recovered') this.#recover(id, time, value, emit);
    else if (verdict && triggered) this.#alarm(verdict, id, triggered, time, value, emit);
  }

  /** Closes the open alert of a series without data for too long; answers when that can be due, on the clock. `time` is the tick's (ms). */
  tick(id: number, observedAt: number, clock: number, time: number, emit: EmitAlert): number {
    const { cells } = this.table;
    if (cells.severity[id] === 0) return Infinity;
    const due = observedAt + levelOf(this.#rule, cells.severity[id]!).noDataClose;
    if (clock < due) return due;
    this.#closeAlert(id, 'no_data', time, emit);
    this.#clearAlert(id, Math.max(time, (cells.judgedThrough[id]! - 1) * this.#rule.interval));
    const { words } = this.#rule;
    cells.windows.fill(0, id * words, (id + 1) * words);
    this.table.touch(id);
    return Infinity;
  }

  /** Ends the open alert of a series, if there is one, because the rule no longer applies; the state must not be used afterwards. */
  end(id: number, reason: ReasonToEnd, time: number, emit: EmitAlert): void {
    if (this.table.cells.severity[id] !== 0) this.#closeAlert(id, reason, time, emit);
  }

  #alarm(kind: Exclude<PointVerdict, 'recovered'>, id: number, level: RuleLevel, time: number, value: number, emit: EmitAlert): void {
    const rule = this.#rule;
    const { cells } = this.table;
    const finding = this.#findings[level.index]!;
    const anomaly_timestamps = anomalyTimes(rule, cells, id, time, level);
    if (kind === 'fired') {
      this.#open++;
      cells.transition[id] = 0;
      cells.strategyVersion[id] = rule.strategy.version;
      cells.beginTime[id] = anomaly_timestamps[0]!;
    }
    if (kind !== 'still_abnormal') {
      cells.severity[id] = level.severity;
      cells.streak[id] = 0;
    }
    const reason = reasonFor(kind, finding);
    const description = anomalyInWords(rule, finding, value);
    this.#emit(id, { kind, reason, severity: severityOf(cells, id), time, value, description, anomaly_timestamps }, emit);
  }

  #recover(id: number, time: number, value: number, emit: EmitAlert): void {
    const severity = severityOf(this.table.cells, id);
    const level = levelOf(this.#rule, severity);
    const kind = level.closes ? 'closed' : 'recovered';
    const description = recoveryInWords(this.#rule, level, value);
    this.#emit(id, { kind, reason: 'recovered', severity, time, value, description, anomaly_timestamps: [] }, emit);
    this.#clearAlert(id, time);
  }

  #closeAlert(id: number, reason: ReasonToEnd | 'no_data', time: number, emit: EmitAlert): void {
    const severity = severityOf(this.table.cells, id);
    this.#emit(id, { kind: 'closed', reason, severity, time, value: null, description: endInWords(reason), anomaly_timestamps: [] }, emit);
  }

  #clearAlert(id: number, end: number): void {
    this.#open--;
    this.table.cells.severity[id] = 0;
    this.table.cells.lastEnd[id] = end;
  }

  #emit(id: number, change: AlertChange, emit: EmitAlert): void {
    const { cells } = this.table;
    cells.emittedAt[id] = change.time;
    const alert = { transition: ++cells.transition[id]!, begin_time: cells.beginTime[id]!, firedBy: cells.strategyVersion[id]! };
    emit(alertDraft(strategyAlertSubject(this.#rule, this.texts[id]!, this.sourceInIdentity, alert), change));
  }
}

function reasonFor(kind: Exclude<PointVerdict, 'recovered'>, finding: Finding): string {
  if (kind === 'fired') return finding.reason;
  return kind === 'severity_changed' ? 'severity_raised' : 'still_abnormal';
}

function severityOf({ severity }: JudgementColumns, id: number): 1 | 2 | 3 {
  return severity[id] as 1 | 2 | 3;
}
