import { isDeepStrictEqual } from 'node:util';
import type { Algorithm } from './algorithms/algorithm.js';
import { connect } from './algorithms/algorithms.js';
import { compileConditions, type Matcher } from './conditions.js';
import type { Level, Query, Strategy } from './strategy.js';
import { wordsFor } from './windows.js';

/** A bucket this many intervals older than the newest open one is late. */
export const MAX_OPEN_BUCKETS = 64;
const NO_DATA_CLOSE = 30 * 60_000;

/** One level of a strategy. */
export interface RuleLevel extends Algorithm {
  readonly severity: Level;
  /** Anomalies in the window that trigger. */
  readonly count: number;
  /** Periods of the window. */
  readonly window: number;
  /** Where the window begins among the words of a series. */
  readonly at: number;
  /** Periods without the condition after which an alert ends. */
  readonly recovery: number;
  readonly closes: boolean;
  /** Silence (ms) after which an alert of this level is closed. */
  readonly noDataClose: number;
}

/** A strategy made ready for judging. */
export interface Rule {
  readonly strategy: Strategy;
  readonly query: Query;
  /** ms */
  readonly interval: number;
  /** ms */
  readonly lateness: number;
  /** How many buckets of a series can be open at once, rounded up to a power of two. */
  readonly slots: number;
  /** Words of all windows of a series. */
  readonly words: number;
  readonly matches: Matcher | undefined;
  /** Fatal first. */
  readonly levels: readonly RuleLevel[];
  /** What the values are, in words: `avg(cpu)`. */
  readonly subject: string;
}

export type ReasonToEnd = 'strategy_deleted' | 'strategy_disabled' | 'strategy_changed';

const itemOf = (strategy: Strategy): Strategy['items'][number] => strategy.items[0]!;
const queryOf = (strategy: Strategy): Query => itemOf(strategy).queries[0]!;

export function compileRule(strategy: Strategy): Rule {
  const query = queryOf(strategy);
  const interval = query.interval * 1000;
  const lateness = itemOf(strategy).lateness * 1000;
  const levels = compileLevels(strategy, interval);
  return {
    strategy,
    query,
    interval,
    lateness,
    slots: slotsFor(interval, lateness),
    words: levels.reduce((words, { window }) => words + wordsFor(window), 0),
    matches: compileConditions(query.conditions),
    levels,
    subject: `${query.aggregation.toLowerCase()}(${query.metric})`,
  };
}

export function levelOf(rule: Rule, severity: number): RuleLevel {
  const level = rule.levels.find((each) => each.severity === severity);
  if (!level) throw new Error(`strategy ${rule.strategy.id} has no level ${severity}`);
  return level;
}

function compileLevels(strategy: Strategy, interval: number): RuleLevel[] {
  const { algorithms } = itemOf(strategy);
  let at = 0;
  return [...strategy.detects]
    .sort((a, b) => a.level - b.level)
    .map(({ level, connector, trigger, recovery }) => {
      const compiled = {
        ...connect(
          connector,
          algorithms.filter((algorithm) => algorithm.level === level),
        ),
        severity: level,
        count: trigger.count,
        window: trigger.check_window,
        at,
        recovery: recovery.check_window,
        closes: recovery.status_setter === 'close',
        noDataClose: Math.max(Math.max(trigger.check_window, 5) * interval, NO_DATA_CLOSE),
      };
      at += wordsFor(trigger.check_window);
      return compiled;
    });
}

/** Buckets from the watermark's back to the first that is still open; the ring is as large as the next power of two. */
function slotsFor(interval: number, lateness: number): number {
  const open = Math.min(Math.ceil(lateness / interval) + 1, MAX_OPEN_BUCKETS);
  return 2 ** Math.ceil(Math.log2(open));
}

/** Why the series of a strategy cannot go on under its next version; undefined when they can (docs/detect.md section 6). */
export function reasonToEnd(strategy: Strategy, next: Strategy | undefined): ReasonToEnd | undefined {
  if (!next) return 'strategy_deleted';
  if (!next.is_enabled) return 'strategy_disabled';
  return isDeepStrictEqual(shapeOf(strategy), shapeOf(next)) ? undefined : 'strategy_changed';
}

/** What memory of a series is made for. */
function shapeOf(strategy: Strategy): unknown {
  const levels = new Map(strategy.detects.map(({ level, trigger, recovery }) => [level, { trigger, recovery }]));
  return { business: strategy.bk_biz_id, query: queryOf(strategy), lateness: itemOf(strategy).lateness, levels };
}

type Observed = Query['data_type'];

/** Finds what looks at an event: by business, type and name, without building a key. */
export class RuleIndex<T> {
  readonly #businesses = new Map<string, Record<Observed, Map<string, T[]>>>();

  /** Entries of one name keep the order in which they were added. */
  add({ strategy, query }: Rule, entry: T): void {
    let names = this.#businesses.get(strategy.bk_biz_id);
    if (!names) this.#businesses.set(strategy.bk_biz_id, (names = { metric: new Map(), event: new Map(), log: new Map() }));
    const entries = names[query.data_type].get(query.metric);
    if (entries) entries.push(entry);
    else names[query.data_type].set(query.metric, [entry]);
  }

  find(business: string, type: Observed, name: string): readonly T[] | undefined {
    return this.#businesses.get(business)?.[type].get(name);
  }
}
