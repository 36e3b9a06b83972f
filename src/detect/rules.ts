import { isDeepStrictEqual } from 'node:util';
import type { CompiledAlgorithm } from './algorithms/algorithm.js';
import { compileAlgorithms } from './algorithms/algorithms.js';
import { compileConditions, type ConditionMatcher } from './conditions.js';
import type { Level, Query, Strategy } from './strategy.js';
import { wordsFor } from './windows.js';

/** A bucket this many intervals older than the newest open one is late. */
export const MAX_OPEN_BUCKETS = 64;
const MIN_NO_DATA_CLOSE_MS = 30 * 60_000;

/** One level of a strategy. */
export interface RuleLevel {
  readonly severity: Level;
  /** Place among the levels of the rule. */
  readonly index: number;
  readonly judge: CompiledAlgorithm['judge'];
  /** Anomalies in the window that trigger. */
  readonly count: number;
  /** Periods of the window. */
  readonly window: number;
  /** First word of the window among the words of a series. */
  readonly at: number;
  /** Periods without the condition after which an alert ends. */
  readonly recovery: number;
  readonly closes: boolean;
  /** Time without data (ms) after which an alert of this level is closed. */
  readonly noDataClose: number;
}

/** One query of a strategy: what it observes, and how it aggregates. */
export interface RuleQuery {
  /** Place among the queries of the rule. */
  readonly index: number;
  readonly dataType: Query['data_type'];
  /** Metric name, event name or event source, by data type. */
  readonly name: string;
  readonly aggregation: Query['aggregation'];
  /** ms */
  readonly interval: number;
  /** ms */
  readonly lateness: number;
  /** Buckets of a series that can be open at once, rounded up to a power of two. */
  readonly slots: number;
  /** Undefined when the query has no conditions. */
  readonly matches: ConditionMatcher | undefined;
}

/** A compiled strategy. */
export interface Rule {
  readonly strategy: Strategy;
  readonly queries: readonly RuleQuery[];
  /** Names of the dimensions that identify a series; the same for every query. */
  readonly dimensions: readonly string[];
  /** Length of a period (ms). */
  readonly interval: number;
  /** Words of all level windows of a series. */
  readonly words: number;
  /** Most severe first. */
  readonly levels: readonly RuleLevel[];
  /** Metric that alerts name. */
  readonly metric: string;
  /** The judged value in words: `avg(cpu)`. */
  readonly subject: string;
  readonly unit: string;
}

export type ReasonToEnd = 'strategy_deleted' | 'strategy_disabled' | 'strategy_changed';

/** The item of a strategy, and the query that stands for all: strategies have one of each, and only this file relies on it. */
function itemOf({ items: [item] }: Pick<Strategy, 'items'>): { item: Strategy['items'][number]; query: Query } {
  return { item: item!, query: item!.queries[0]! };
}

export function compileRule(strategy: Strategy): Rule {
  const { item, query } = itemOf(strategy);
  const interval = query.interval * 1000;
  const levels = compileLevels(strategy, interval);
  return {
    strategy,
    queries: item.queries.map((each, index) => compileQuery(each, index, item.lateness * 1000)),
    dimensions: query.dimensions,
    interval,
    words: levels.reduce((words, { window }) => words + wordsFor(window), 0),
    levels,
    metric: query.metric,
    subject: `${query.aggregation.toLowerCase()}(${query.metric})`,
    unit: item.unit,
  };
}

export function levelOf(rule: Rule, severity: number): RuleLevel {
  const level = rule.levels.find((each) => each.severity === severity);
  if (!level) throw new Error(`strategy ${rule.strategy.id} has no level ${severity}`);
  return level;
}

function compileQuery(query: Query, index: number, lateness: number): RuleQuery {
  const interval = query.interval * 1000;
  return {
    index,
    ...observedBy(query),
    aggregation: query.aggregation,
    interval,
    lateness,
    slots: slotsFor(interval, lateness),
    matches: compileConditions(query.conditions),
  };
}

const observedBy = (query: Query): Pick<RuleQuery, 'dataType' | 'name'> => ({ dataType: query.data_type, name: query.metric });

/** The names that the queries of a strategy observe, in the order of its queries. */
export function observedNames(strategy: Pick<Strategy, 'items'>): Pick<RuleQuery, 'dataType' | 'name'>[] {
  return itemOf(strategy).item.queries.map(observedBy);
}

function compileLevels(strategy: Strategy, interval: number): RuleLevel[] {
  const { algorithms } = itemOf(strategy).item;
  let at = 0;
  return [...strategy.detects]
    .sort((a, b) => a.level - b.level)
    .map(({ level, connector, trigger, recovery }, index) => {
      const compiled = {
        severity: level,
        index,
        judge: judgeOf(
          connector,
          algorithms.filter((algorithm) => algorithm.level === level),
          interval,
        ),
        count: trigger.count,
        window: trigger.check_window,
        at,
        recovery: recovery.check_window,
        closes: recovery.status_setter === 'close',
        noDataClose: Math.max(Math.max(trigger.check_window, 5) * interval, MIN_NO_DATA_CLOSE_MS),
      };
      at += wordsFor(trigger.check_window);
      return compiled;
    });
}

function judgeOf(...configured: Parameters<typeof compileAlgorithms>): RuleLevel['judge'] {
  const { lookback, judge } = compileAlgorithms(...configured);
  if (lookback.length > 0) throw new Error('no history of series is stored, so no algorithm can look back');
  return judge;
}

/** Buckets from that of the watermark back to the first that is still open; the ring has the next power of two. */
function slotsFor(interval: number, lateness: number): number {
  const open = Math.min(Math.ceil(lateness / interval) + 1, MAX_OPEN_BUCKETS);
  return 2 ** Math.ceil(Math.log2(open));
}

/** Why the state of a strategy's series cannot be kept under its next version; undefined when it can (docs/detect.md section 6). */
export function reasonToEnd(strategy: Strategy, next: Strategy | undefined): ReasonToEnd | undefined {
  if (!next) return 'strategy_deleted';
  if (!next.is_enabled) return 'strategy_disabled';
  return isDeepStrictEqual(shapeOf(strategy), shapeOf(next)) ? undefined : 'strategy_changed';
}

/** The parts of a strategy on which the state of its series depends. */
function shapeOf(strategy: Strategy): unknown {
  const levels = new Map(strategy.detects.map(({ level, trigger, recovery }) => [level, { trigger, recovery }]));
  const { queries, lateness } = itemOf(strategy).item;
  return { business: strategy.bk_biz_id, queries, lateness, levels };
}
