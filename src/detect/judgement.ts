import type { AlgorithmPoint, AlgorithmFinding } from './algorithms/algorithm.js';
import { type AlertChange, alertDraft, type EmitAlert } from './alert-draft.js';
import type { ColumnTable } from './column-table.js';
import { anomalyInWords, endInWords, recoveryInWords } from './description.js';
import { type JudgementColumns, judgementTable } from './judgement-columns.js';
import { anomalyTimes, enterPoint, type PointVerdict, triggeredLevel, pointVerdict } from './points.js';
import { levelOf, type ReasonToEnd, type Rule, type RuleLevel } from './rules.js';
import { strategyAlertSubject } from './strategy-alert.js';

const noPast: AlgorithmPoint['past'] = [];

/** The third cut: levels, N of M, streak and alert of each series of a rule (docs/detect.md section 4). */
export class SeriesJudgement {
  readonly table: ColumnTable<JudgementColumns>;
  readonly #cells: JudgementColumns;
  /** Series with an open alert. */
  #open = 0;
  /** The point and the findings of its levels; reused, because every closed bucket is a point. */
  readonly #point = { value: NaN, time: NaN, past: noPast };
  readonly #findings: (AlgorithmFinding | undefined)[] = [];
  #rule: Rule;

  /** `texts` are the texts of the rule's series by number; with `sourceInIdentity` they end with the event source. */
  constructor(
    rule: Rule,
    private readonly texts: readonly string[],
    private readonly sourceInIdentity: boolean,
  ) {
    this.#rule = rule;
    this.table = judgementTable(rule);
    this.#cells = this.table.cells;
  }

  /** Number of series with an open alert. */
  get open(): number {
    return this.#open;
  }

  /** Continues with a compatible version of the strategy. */
  follow(rule: Rule): void {
    this.#rule = rule;
  }

  /** Derives the counters from the columns of the first `size` series, after they were filled from a checkpoint. */
  recount(size: number): void {
    this.#open = this.#cells.severity.subarray(0, size).reduce((count, severity) => count + (severity === 0 ? 0 : 1), 0);
  }

  /** Judges the value of a period. */
  judge(id: number, period: number, value: number, emit: EmitAlert): void {
    const rule = this.#rule;
    const cells = this.#cells;
    const time = period * rule.interval;
    this.#point.value = value;
    this.#point.time = time;
    this.table.touch(id);
    if (!enterPoint(rule, cells, id, period, this.#point, this.#findings)) return;
    const triggered = triggeredLevel(rule, cells, id);
    const verdict = pointVerdict(rule, cells, id, time, triggered);
    if (verdict === 'recovered') this.#recover(id, time, value, emit);
    else if (verdict && triggered) this.#alarm(verdict, id, triggered, time, value, emit);
  }

  /** Marks each series whose alert is due because it had no data since `observedAt`; returns when the next one is due. */
  markSilent(size: number, clock: number, observedAt: Float64Array, marks: Uint8Array): number {
    let earliest = Infinity;
    if (this.#open === 0) return earliest;
    for (let id = 0; id < size; id++) {
      if (this.#cells.severity[id] === 0) continue;
      const endAt = observedAt[id]! + this.noDataClose(id);
      if (clock >= endAt) marks[id] = 1;
      else if (endAt < earliest) earliest = endAt;
    }
    return earliest;
  }

  /** Time without data (ms) after which the open alert of a series is closed; Infinity when none is open. */
  noDataClose(id: number): number {
    const severity = this.#cells.severity[id]!;
    return severity === 0 ? Infinity : levelOf(this.#rule, severity).noDataClose;
  }

  /** Closes the open alert of a series that has had no data for too long; `time` is the tick's timestamp (ms). */
  closeForNoData(id: number, time: number, emit: EmitAlert): void {
    const cells = this.#cells;
    const { interval, words } = this.#rule;
    this.#closeAlert(id, 'no_data', time, emit);
    this.#clearAlert(id, Math.max(time, (cells.judgedThrough[id]! - 1) * interval));
    cells.windows.fill(0, id * words, (id + 1) * words);
    this.table.touch(id);
  }

  /** Ends the open alert of a series, if there is one, because the rule no longer applies; the state must not be used afterwards. */
  end(id: number, reason: ReasonToEnd, time: number, emit: EmitAlert): void {
    if (this.#cells.severity[id] !== 0) this.#closeAlert(id, reason, time, emit);
  }

  #alarm(kind: Exclude<PointVerdict, 'recovered'>, id: number, level: RuleLevel, time: number, value: number, emit: EmitAlert): void {
    const rule = this.#rule;
    const cells = this.#cells;
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
    const severity = severityOf(this.#cells, id);
    const level = levelOf(this.#rule, severity);
    const kind = level.closes ? 'closed' : 'recovered';
    const description = recoveryInWords(this.#rule, level, value);
    this.#emit(id, { kind, reason: 'recovered', severity, time, value, description, anomaly_timestamps: [] }, emit);
    this.#clearAlert(id, time);
  }

  #closeAlert(id: number, reason: ReasonToEnd | 'no_data', time: number, emit: EmitAlert): void {
    const severity = severityOf(this.#cells, id);
    this.#emit(id, { kind: 'closed', reason, severity, time, value: null, description: endInWords(reason), anomaly_timestamps: [] }, emit);
  }

  #clearAlert(id: number, end: number): void {
    this.#open--;
    this.#cells.severity[id] = 0;
    this.#cells.lastEnd[id] = end;
  }

  #emit(id: number, change: AlertChange, emit: EmitAlert): void {
    const cells = this.#cells;
    cells.emittedAt[id] = change.time;
    const alert = { transition: ++cells.transition[id]!, begin_time: cells.beginTime[id]!, firedBy: cells.strategyVersion[id]! };
    emit(alertDraft(strategyAlertSubject(this.#rule, this.texts[id]!, this.sourceInIdentity, alert), change));
  }
}

function reasonFor(kind: Exclude<PointVerdict, 'recovered'>, finding: AlgorithmFinding): string {
  if (kind === 'fired') return finding.reason;
  return kind === 'severity_changed' ? 'severity_raised' : 'still_abnormal';
}

function severityOf({ severity }: JudgementColumns, id: number): 1 | 2 | 3 {
  return severity[id] as 1 | 2 | 3;
}
