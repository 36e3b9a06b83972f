import type { RawEvent } from '../topics.js';
import type { Emit } from './alert-draft.js';
import type { Block } from './checkpoint.repository.js';
import { dirtyIds, isIds, removedIds, restoreIds } from './id-snapshot.js';
import { dirtyLeases, emptiedLeases, restoreLeases } from './lease-snapshot.js';
import { Leases } from './leases.js';
import { RecentIds } from './recent-ids.js';
import { RuleFold } from './rule-fold.js';
import { compileRule, reasonToEnd, RuleIndex } from './rules.js';
import { dirtySeries, restoreSeries, seriesBlockNames, storedSeries } from './series-snapshot.js';
import { HEAD, type Head, headOf, sealJson } from './snapshot.js';
import type { RuleSet, Strategy } from './strategy.js';

export type { AlertDraft } from './alert-draft.js';

export interface FoldOptions {
  /** What raw events are keyed by; with `event_source` the source belongs to the identity of series and leases. */
  readonly identifyBy: 'bk_biz_id' | 'event_source';
}

type Tick = Extract<RawEvent, { event_type: 'tick' }>;
type Observed = Exclude<RawEvent, { event_type: 'tick' | 'alert' }>;

/** The clock moves no further than this (ms) per tick, so that our own downtime ends nothing. */
const MAX_ADVANCE = 5_000;

/** The memory of one partition of raw_events, and what each event does to it: docs/detect.md. Nothing but the events decides. */
export class PartitionFold {
  readonly #counts = { events: 0, repeated: 0, observed: 0, late: 0, unmatched: 0 };
  readonly #sourceBelongs: boolean;
  readonly #leases: Leases;
  readonly #ids = new RecentIds();
  /** In order of strategy id. */
  #rules: readonly RuleFold[] = [];
  #index = new RuleIndex<RuleFold>();
  #rulesVersion = 0;
  #clock = 0;
  #lastTick: number | null = null;
  /** Blocks of series that a rule change has forgotten. */
  #removed: string[] = [];
  #clean = true;

  constructor(options: FoldOptions) {
    this.#sourceBelongs = options.identifyBy === 'event_source';
    this.#leases = new Leases(this.#sourceBelongs);
  }

  /** The fold as it was when `blocks` were taken; `rules` is the set of {@link snapshotRulesVersion}. Throws an Error that names a broken or missing block. */
  static restore(options: FoldOptions, rules: RuleSet, blocks: Iterable<Block>): PartitionFold {
    const all = [...blocks];
    const fold = new PartitionFold(options);
    const head = all.find(({ id }) => id === HEAD);
    if (!head) throw new Error(`checkpoint block ${HEAD} is missing`);
    const { clock, lastTick, rulesVersion, opened, counts, ids } = headOf(head);
    if (rules.version !== rulesVersion) throw new Error(`the checkpoint needs rule set ${rulesVersion}, not ${rules.version}`);
    Object.assign(fold.#counts, counts);
    fold.#clock = clock;
    fold.#lastTick = lastTick;
    const isLease = ({ id }: Block): boolean => /^lease(s|-ends)\//.test(id);
    restoreLeases(fold.#leases, all.filter(isLease), opened);
    if (ids) restoreIds(fold.#ids, all.filter(isIds), ids);
    fold.#restoreRules(
      rules,
      all.filter((block) => block !== head && !isLease(block) && !isIds(block)),
    );
    return fold;
  }

  /** Version of the rule set in force; 0 before the first. */
  get rulesVersion(): number {
    return this.#rulesVersion;
  }

  /** True when time alone can still change something, so that the partition needs ticks: open buckets, open alerts, leases. */
  get waiting(): boolean {
    return this.#leases.open > 0 || this.#rules.some(({ openBuckets, openAlerts }) => openBuckets > 0 || openAlerts > 0);
  }

  /**
   * What was folded so far: events, those that had come before, accepted observations, late ones, and events that no strategy looks at.
   * One event may be several observations.
   */
  get counts(): Readonly<Record<'events' | 'repeated' | 'observed' | 'late' | 'unmatched', number>> {
    return this.#counts;
  }

  /** How much is held at the moment. `leases` holds open ones and those that are only remembered. */
  get sizes(): Readonly<Record<'rules' | 'series' | 'openAlerts' | 'leases', number>> {
    const sum = (size: (rule: RuleFold) => number): number => this.#rules.reduce((total, rule) => total + size(rule), 0);
    return {
      rules: this.#rules.length,
      series: sum(({ columns }) => columns.size),
      openAlerts: sum(({ openAlerts }) => openAlerts) + this.#leases.open,
      leases: this.#leases.size,
    };
  }

  /** Folds one event at its place in the log. Throws when a tick names a newer rule set: {@link changeRules} comes first. */
  apply(event: RawEvent, emit: Emit): void {
    this.#clean = false;
    this.#counts.events++;
    if (event.event_type !== 'tick' && this.#ids.repeats(event.bk_biz_id, event.event_source, event.event_id)) {
      this.#counts.repeated++;
      return;
    }
    switch (event.event_type) {
      case 'metric':
        return this.#observe(event, event.raw_data.metric, event.raw_data.value, emit);
      case 'event':
        return this.#observe(event, event.raw_data.event_name, 1, emit);
      case 'log':
        return this.#observe(event, event.event_source, 1, emit);
      case 'alert':
        return this.#leases.apply(event, this.#clock, emit);
      case 'tick':
        return this.#tick(event, emit);
    }
  }

  /** Puts another rule set in force (docs/detect.md section 6); `time` is the tick's timestamp (ms). */
  changeRules(rules: RuleSet, time: number, emit: Emit): void {
    if (rules.version <= this.#rulesVersion) throw new Error(`rule set ${rules.version} is not newer than ${this.#rulesVersion}`);
    this.#clean = false;
    const next = new Map(rules.strategies.map((strategy) => [strategy.id, strategy]));
    const kept = new Map<number, RuleFold>();
    for (const rule of this.#rules) {
      const { strategy } = rule.rule;
      const reason = reasonToEnd(strategy, next.get(strategy.id));
      if (reason) {
        rule.end(reason, time, emit);
        this.#removed.push(...seriesBlockNames(rule));
      } else {
        kept.set(strategy.id, rule);
      }
    }
    this.#follow(rules, (strategy) => {
      const rule = kept.get(strategy.id);
      if (!rule) return new RuleFold(compileRule(strategy), rules.version, this.#sourceBelongs);
      rule.follow(rule.rule.strategy.version === strategy.version ? rule.rule : compileRule(strategy), rules.version);
      return rule;
    });
  }

  /** The blocks that differ from those of the latest {@link markClean}. */
  dirtyBlocks(): Block[] {
    if (this.#clean) return [];
    const head: Head = {
      clock: this.#clock,
      lastTick: this.#lastTick,
      rulesVersion: this.#rulesVersion,
      opened: this.#leases.opened,
      counts: this.#counts,
      ids: this.#ids.extent,
    };
    return [sealJson(HEAD, head), ...this.#rules.flatMap(dirtySeries), ...dirtyLeases(this.#leases), ...dirtyIds(this.#ids)];
  }

  /** Names of blocks that are no longer part of the memory. */
  removedBlocks(): string[] {
    return [...this.#removed, ...emptiedLeases(this.#leases), ...removedIds(this.#ids)];
  }

  /** Says that what {@link dirtyBlocks} and {@link removedBlocks} named is stored. */
  markClean(): void {
    for (const { columns } of this.#rules) columns.markClean();
    this.#leases.changed.clear();
    this.#leases.moved.clear();
    this.#ids.markClean();
    this.#removed = [];
    this.#clean = true;
  }

  #observe(event: Observed, name: string, value: number, emit: Emit): void {
    const counts = this.#counts;
    const rules = this.#index.find(event.bk_biz_id, event.event_type, name);
    let seen = 0;
    if (rules) {
      for (let index = 0; index < rules.length; index++) {
        const outcome = rules[index]!.observe(event, value, this.#clock, emit);
        if (outcome) {
          counts[outcome]++;
          seen++;
        }
      }
    }
    if (seen === 0) counts.unmatched++;
  }

  #tick({ timestamp, raw_data }: Tick, emit: Emit): void {
    if (raw_data.rules_version > this.#rulesVersion) throw new Error(`rule set ${raw_data.rules_version} is not in force yet`);
    if (this.#lastTick !== null) this.#clock += Math.min(Math.max(timestamp - this.#lastTick, 0), MAX_ADVANCE);
    this.#lastTick = Math.max(this.#lastTick ?? timestamp, timestamp);
    for (const rule of this.#rules) rule.tick(this.#clock, timestamp, emit);
    this.#leases.tick(this.#clock, timestamp, emit);
  }

  #follow(rules: RuleSet, foldOf: (strategy: Strategy) => RuleFold): void {
    this.#rulesVersion = rules.version;
    this.#rules = rules.strategies
      .filter(({ is_enabled }) => is_enabled)
      .sort((a, b) => a.id - b.id)
      .map(foldOf);
    this.#index = new RuleIndex();
    for (const rule of this.#rules) this.#index.add(rule.rule, rule);
  }

  #restoreRules(rules: RuleSet, blocks: readonly Block[]): void {
    const stored = storedSeries(blocks);
    this.#follow(rules, (strategy) => {
      const series = stored.get(strategy.id);
      const rule = new RuleFold(compileRule(strategy), series?.born ?? rules.version, this.#sourceBelongs);
      if (series) restoreSeries(rule.columns, series);
      rule.recount();
      stored.delete(strategy.id);
      return rule;
    });
    const [[, orphan] = []] = stored;
    if (orphan) throw new Error(`checkpoint block ${(orphan.texts[0] ?? orphan.columns[0])?.id} belongs to no strategy of rule set ${rules.version}`);
  }
}
