import type { Level, Strategy } from '../../src/detect/strategy.js';
import { identity } from '../../src/shared/identity.js';
import { compares } from './conditions.js';
import { type Journal, lastMessageTime, type ReferenceAlert } from './journal.js';

export const STILL_ABNORMAL = 300_000;
const MAX_OPEN_BUCKETS = 64;

export interface Observation {
  readonly timestamp: number;
  readonly value: number;
}

/** A closed bucket. */
interface Point {
  readonly time: number;
  readonly value: number;
  /** The levels at which it is anomalous under the rules in force when it closed. */
  readonly levels: readonly Level[];
}

/** One series: everything that can still have an effect, as plain lists. */
export interface Series {
  readonly alertKey: string;
  /** The observations of each open bucket in order of arrival, by its start. */
  readonly open: Map<number, Observation[]>;
  /** Closed buckets since the level windows were last cleared, in order. */
  points: Point[];
  closedThrough: number;
  watermark: number;
  /** The clock at the latest accepted observation. */
  touched: number;
  lastEnd: number;
  alert: ReferenceAlert | undefined;
}

export function aSeries(alertKey: string): Series {
  const never = -Infinity;
  return { alertKey, open: new Map(), points: [], closedThrough: never, watermark: never, touched: 0, lastEnd: never, alert: undefined };
}

const itemOf = (strategy: Strategy) => strategy.items[0]!;
const queryOf = (strategy: Strategy) => itemOf(strategy).queries[0]!;
const detectOf = (strategy: Strategy, level: Level) => strategy.detects.find((detect) => detect.level === level)!;
export const intervalOf = (strategy: Strategy): number => queryOf(strategy).interval * 1000;
export const latenessOf = (strategy: Strategy): number => itemOf(strategy).lateness * 1000;

/** Section 5.2: time without data (ms) after which the alert of a series is closed. */
export function noDataClose(strategy: Strategy, level: Level): number {
  const { check_window } = detectOf(strategy, level).trigger;
  return Math.max(Math.max(check_window, 5) * intervalOf(strategy), 30 * 60_000);
}

const oldest = (series: Series): number => Math.min(...series.open.keys());
const newest = (series: Series): number => Math.max(...series.open.keys());

/** Section 3: adds an observation to its bucket, and closes the buckets that are due. */
export function observe(series: Series, strategy: Strategy, observation: Observation, clock: number, journal: Journal): void {
  const interval = intervalOf(strategy);
  const reach = MAX_OPEN_BUCKETS * interval;
  const bucket = Math.floor(observation.timestamp / interval) * interval;
  if (bucket < series.closedThrough || bucket <= newest(series) - reach) return;
  while (bucket >= oldest(series) + reach) closeOldest(series, strategy, journal);
  if (!series.open.has(bucket)) series.open.set(bucket, []);
  series.open.get(bucket)!.push(observation);
  series.watermark = Math.max(series.watermark, observation.timestamp);
  series.touched = clock;
  while (oldest(series) + interval + latenessOf(strategy) <= series.watermark) closeOldest(series, strategy, journal);
}

export function closeAll(series: Series, strategy: Strategy, journal: Journal): void {
  while (series.open.size > 0) closeOldest(series, strategy, journal);
}

function closeOldest(series: Series, strategy: Strategy, journal: Journal): void {
  const time = oldest(series);
  const value = aggregate(queryOf(strategy).aggregation, series.open.get(time)!);
  series.open.delete(time);
  series.closedThrough = time + intervalOf(strategy);
  const levels = strategy.detects.map(({ level }) => level).filter((level) => anomalous(strategy, level, value));
  const point = { time, value, levels };
  series.points.push(point);
  judge(series, strategy, point, journal);
}

function aggregate(aggregation: string, observations: readonly Observation[]): number {
  const values = observations.map(({ value }) => value);
  const sum = values.reduce((total, value) => total + value, 0);
  switch (aggregation) {
    case 'AVG':
      return sum / values.length;
    case 'SUM':
      return sum;
    case 'MIN':
      return values.reduce((a, b) => Math.min(a, b));
    case 'MAX':
      return values.reduce((a, b) => Math.max(a, b));
    case 'COUNT':
      return values.length;
    case 'LAST':
      return observations.reduce((last, each) => (each.timestamp >= last.timestamp ? each : last)).value;
    default:
      throw new Error(`no aggregation ${aggregation}`);
  }
}

function anomalous(strategy: Strategy, level: Level, value: number): boolean {
  const judgements = itemOf(strategy)
    .algorithms.filter((algorithm) => algorithm.level === level)
    .map(({ config }) => config.some((all) => all.every(({ method, threshold }) => compares(method, value, threshold))));
  return detectOf(strategy, level).connector === 'and' ? judgements.every(Boolean) : judgements.some(Boolean);
}

/** Times of the anomalies of a level among the `check_window` periods that end with `period`. */
function anomaliesIn(series: Series, strategy: Strategy, level: Level, period: number): number[] {
  const from = period - (detectOf(strategy, level).trigger.check_window - 1) * intervalOf(strategy);
  const times: number[] = [];
  // Points are in order of time, so the walk back may end at the first that is too old.
  for (let index = series.points.length - 1; index >= 0 && series.points[index]!.time >= from; index--) {
    const { time, levels } = series.points[index]!;
    if (time <= period && levels.includes(level)) times.unshift(time);
  }
  return times;
}

const met = (series: Series, strategy: Strategy, level: Level, period: number): boolean =>
  anomaliesIn(series, strategy, level, period).length >= detectOf(strategy, level).trigger.count;

/** Section 4, streak: consecutive periods up to `now` in which the level was not met, counted no further than `enough`. */
function streak(series: Series, strategy: Strategy, alert: ReferenceAlert, now: number, enough: number): number {
  const since = alert.transitions.findLast(({ kind }) => kind === 'fired' || kind === 'severity_changed')!.time;
  let periods = 0;
  for (let period = now; period > since && periods < enough && !met(series, strategy, alert.severity, period); period -= intervalOf(strategy))
    periods++;
  return periods;
}

/** Section 4, the four steps at a closed bucket. */
function judge(series: Series, strategy: Strategy, point: Point, journal: Journal): void {
  const { time, value } = point;
  const triggered = [...point.levels].sort().find((level) => met(series, strategy, level, time));
  if (!series.alert) {
    if (triggered) fire(series, strategy, triggered, point, journal);
    return;
  }
  const { recovery } = detectOf(strategy, series.alert.severity);
  if (streak(series, strategy, series.alert, time, recovery.check_window) >= recovery.check_window) {
    journal.emit(series.alert, recovery.status_setter === 'close' ? 'closed' : 'recovered', { reason: 'recovered', time, value });
    series.alert = undefined;
    series.lastEnd = time;
  } else if (triggered && triggered < series.alert.severity) {
    journal.emit(series.alert, 'severity_changed', { severity: triggered, time, value });
  } else if (triggered && time - lastMessageTime(series.alert) >= STILL_ABNORMAL) {
    journal.emit(series.alert, 'still_abnormal', { time, value });
  }
}

function fire(series: Series, strategy: Strategy, severity: Level, { time, value }: Point, journal: Journal): void {
  const fresh = anomaliesIn(series, strategy, severity, time).filter((anomaly) => anomaly > series.lastEnd);
  const anomaly_timestamps = fresh.length > 0 ? fresh : [time];
  const begin_time = anomaly_timestamps[0]!;
  const alert_id = identity(series.alertKey, strategy.version, begin_time);
  const facts = { alert_id, alert_key: series.alertKey, strategy_id: strategy.id, begin_time, severity };
  series.alert = journal.fire(facts, { time, value, anomaly_timestamps });
}

/** Section 5.2: the series had no data for too long. */
export function closeForNoData(series: Series, time: number, journal: Journal): void {
  if (!series.alert) return;
  journal.emit(series.alert, 'closed', { reason: 'no_data', time, value: null });
  series.alert = undefined;
  series.lastEnd = Math.max(time, series.points.at(-1)!.time);
  series.points = [];
}
