import { canonical, identity } from '../shared/identity.js';
import { draft, type Emit, type Occasion } from './alert-draft.js';
import { alone, join, takeOldest } from './buckets.js';
import type { Dimensions } from './conditions.js';
import { anomalyInWords, endInWords, recoveryInWords } from './description.js';
import { anomalies, enter, judge, triggeredLevel } from './points.js';
import { levelOf, MAX_OPEN_BUCKETS, type ReasonToEnd, type Rule, type RuleLevel } from './rules.js';
import { seriesText, partsOf } from './series-text.js';
import { SeriesColumns } from './series.js';
import { targetOf } from './target.js';

/** What a rule reads of an event. */
export interface Observable {
  readonly event_source: string;
  readonly timestamp: number;
  readonly raw_data: { readonly dimensions: Dimensions };
}

/** The fold of one rule: its series, their open buckets and alerts (docs/detect.md sections 3 to 6). */
export class RuleFold {
  readonly columns: SeriesColumns;
  /** Series with open buckets. */
  #open = 0;
  /** Series with an open alert. */
  #alerts = 0;
  /** No series can be due before the clock reads this; keeps ticks cheap. */
  #due = 0;
  #rule: Rule;
  #born: number;

  /** `version` is that of the rule set in force. */
  constructor(
    rule: Rule,
    version: number,
    private readonly sourceBelongs: boolean,
  ) {
    this.#rule = rule;
    this.#born = version;
    this.columns = new SeriesColumns(rule);
  }

  get rule(): Rule {
    return this.#rule;
  }

  get openBuckets(): number {
    return this.#open;
  }

  get openAlerts(): number {
    return this.#alerts;
  }

  /** Version of the rule set in which its first series came: names their blocks in snapshots. */
  get born(): number {
    return this.#born;
  }

  /** Goes on in another rule set, with a version of the strategy for which {@link reasonToEnd} has no objection. */
  follow(rule: Rule, version: number): void {
    this.#rule = rule;
    if (this.columns.size === 0) this.#born = version;
  }

  /** Counts again what the columns hold, after they were filled from a snapshot. */
  recount(): void {
    const { size, oldest, severity } = this.columns;
    this.#open = oldest.subarray(0, size).reduce((count, period) => count + (period === Infinity ? 0 : 1), 0);
    this.#alerts = severity.subarray(0, size).reduce((count, level) => count + (level === 0 ? 0 : 1), 0);
  }

  /** Takes one observation; undefined when the rule's conditions do not mean it. Runs for every event, so it builds nothing but the series' text. */
  observe(event: Observable, value: number, clock: number, emit: Emit): 'observed' | 'late' | undefined {
    const { interval, lateness, matches, query } = this.#rule;
    const { dimensions } = event.raw_data;
    if (matches && !matches(dimensions)) return undefined;
    const { columns } = this;
    const { timestamp } = event;
    const id = columns.numberOf(seriesText(query.dimensions, dimensions, this.sourceBelongs ? event.event_source : undefined));
    const period = Math.floor(timestamp / interval);
    const watermark = columns.watermark[id]!;
    if (period < columns.closedThrough[id]! || period <= Math.floor(watermark / interval) - MAX_OPEN_BUCKETS) return 'late';
    columns.touched[id] = clock;
    columns.touch(id);
    if (timestamp > watermark) {
      columns.watermark[id] = timestamp;
      const due = Math.max(Math.floor((timestamp - lateness) / interval) - 1, period - MAX_OPEN_BUCKETS);
      while (columns.oldest[id]! <= due) this.#closeOldest(id, emit);
    } else if ((period + 1) * interval + lateness <= watermark) {
      // Its bucket is over as soon as it is opened, and older than any other.
      this.#close(id, period, alone(this.#rule, value), emit);
      return 'observed';
    }
    if (columns.oldest[id] === Infinity) this.#open++;
    join(this.#rule, columns, id, period, timestamp, value);
    return 'observed';
  }

  /** What follows from time alone, section 5; `time` is the tick's timestamp (ms). */
  tick(clock: number, time: number, emit: Emit): void {
    if ((this.#open === 0 && this.#alerts === 0) || clock < this.#due) return;
    const { oldest, severity, touched, size } = this.columns;
    const patience = this.#rule.interval + this.#rule.lateness;
    let due = clock + Math.min(patience, ...this.#rule.levels.map(({ noDataClose }) => noDataClose));
    for (let id = 0; id < size; id++) {
      if (oldest[id] === Infinity && severity[id] === 0) continue;
      const silence = clock - touched[id]!;
      if (silence >= patience) while (oldest[id] !== Infinity) this.#closeOldest(id, emit);
      if (severity[id] !== 0 && silence >= levelOf(this.#rule, severity[id]!).noDataClose) this.#closeForNoData(id, time, emit);
      if (oldest[id] !== Infinity) due = Math.min(due, touched[id]! + patience);
      if (severity[id] !== 0) due = Math.min(due, touched[id]! + levelOf(this.#rule, severity[id]!).noDataClose);
    }
    this.#due = due;
  }

  /** Ends all open alerts because the strategy is no more what it was; the fold is of no use afterwards. */
  end(reason: ReasonToEnd, time: number, emit: Emit): void {
    if (this.#alerts === 0) return;
    for (let id = 0; id < this.columns.size; id++) if (this.columns.severity[id] !== 0) this.#closeAlert(id, reason, time, emit);
  }

  #closeOldest(id: number, emit: Emit): void {
    const period = this.columns.oldest[id]!;
    const value = takeOldest(this.#rule, this.columns, id);
    if (this.columns.oldest[id] === Infinity) this.#open--;
    this.columns.touch(id);
    this.#close(id, period, value, emit);
  }

  /** Judges a closed bucket. */
  #close(id: number, period: number, value: number, emit: Emit): void {
    const rule = this.#rule;
    const { columns } = this;
    if (!enter(rule, columns, id, period, value)) return;
    const time = period * rule.interval;
    const triggered = triggeredLevel(rule, columns, id);
    const verdict = judge(rule, columns, id, time, triggered);
    if (verdict === 'recovered') this.#recover(id, time, value, emit);
    else if (verdict && triggered) this.#alarm(verdict, id, triggered, time, value, emit);
  }

  #alarm(kind: 'fired' | 'severity_changed' | 'still_abnormal', id: number, level: RuleLevel, time: number, value: number, emit: Emit): void {
    const rule = this.#rule;
    const { columns } = this;
    const anomaly_timestamps = anomalies(rule, columns, id, time, level);
    if (kind === 'fired') {
      this.#alerts++;
      columns.transition[id] = 0;
      columns.version[id] = rule.strategy.version;
      columns.begin[id] = anomaly_timestamps[0]!;
    }
    if (kind !== 'still_abnormal') {
      columns.severity[id] = level.severity;
      columns.streak[id] = 0;
    }
    const reason = reasons[kind];
    const description = anomalyInWords(rule, level, value);
    this.#tell(id, { kind, reason, severity: severityOf(columns, id), time, value, description, anomaly_timestamps }, emit);
  }

  #recover(id: number, time: number, value: number, emit: Emit): void {
    const severity = severityOf(this.columns, id);
    const level = levelOf(this.#rule, severity);
    const kind = level.closes ? 'closed' : 'recovered';
    const description = recoveryInWords(this.#rule, level, value);
    this.#tell(id, { kind, reason: 'recovered', severity, time, value, description, anomaly_timestamps: [] }, emit);
    this.#forgetAlert(id, time);
  }

  #closeForNoData(id: number, time: number, emit: Emit): void {
    const { columns } = this;
    const { interval, words } = this.#rule;
    this.#closeAlert(id, 'no_data', time, emit);
    this.#forgetAlert(id, Math.max(time, (columns.closedThrough[id]! - 1) * interval));
    columns.windows.fill(0, id * words, (id + 1) * words);
    columns.touch(id);
  }

  #closeAlert(id: number, reason: ReasonToEnd | 'no_data', time: number, emit: Emit): void {
    const severity = severityOf(this.columns, id);
    this.#tell(id, { kind: 'closed', reason, severity, time, value: null, description: endInWords(reason), anomaly_timestamps: [] }, emit);
  }

  #forgetAlert(id: number, end: number): void {
    this.#alerts--;
    this.columns.severity[id] = 0;
    this.columns.lastEnd[id] = end;
  }

  #tell(id: number, occasion: Occasion, emit: Emit): void {
    const { strategy, query } = this.#rule;
    const { columns } = this;
    const parts = partsOf(columns.texts[id]!, query.dimensions.length + (this.sourceBelongs ? 1 : 0));
    const dimensions = Object.fromEntries(query.dimensions.map((name, index) => [name, parts[index]!]));
    const source = parts.slice(query.dimensions.length);
    const alert_key = identity('alert', strategy.bk_biz_id, strategy.id, canonical(dimensions), ...source);
    const begin_time = columns.begin[id]!;
    const transition = ++columns.transition[id]!;
    columns.told[id] = occasion.time;
    const subject = {
      alert_id: identity(alert_key, columns.version[id]!, begin_time),
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
      metric: query.metric,
      begin_time,
    };
    emit(draft(subject, occasion));
  }
}

const reasons = { fired: 'threshold', severity_changed: 'severity_raised', still_abnormal: 'still_abnormal' };

function severityOf({ severity }: SeriesColumns, id: number): 1 | 2 | 3 {
  return severity[id] as 1 | 2 | 3;
}
