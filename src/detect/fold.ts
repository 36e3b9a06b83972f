import type { RawEvent } from '../topics.js';
import type { EmitAlert } from './alert-draft.js';
import { kindOf, unreadable } from './checkpoint-block.js';
import type { CheckpointBlock } from './checkpoint.repository.js';
import { CompiledRules, type IndexedQuery } from './compiled-rules.js';
import { headFormat, headOf, sealHead } from './head-block.js';
import { dirtyIds, idFormat, removedIds, restoreIds } from './id-blocks.js';
import { dirtyLeases, emptiedLeases, leaseEndFormat, leaseFormat, restoreLeases } from './lease-blocks.js';
import { AlertLeases } from './leases.js';
import { RecentIds } from './recent-ids.js';
import { RuleFold } from './rule-fold.js';
import { reasonToEnd, type Rule, type RuleQuery } from './rules.js';
import { dirtySeries, judgementFormat, queryFormat, restoreSeries, seriesBlockNames, storedSeries, textFormat } from './series-blocks.js';

export type { AlertDraft } from './alert-draft.js';

export interface FoldOptions {
  /** Key of raw events; with `event_source` the source is part of the identity of series and leases. */
  readonly identifyBy: 'bk_biz_id' | 'event_source';
}

type Tick = Extract<RawEvent, { event_type: 'tick' }>;
type Observed = Exclude<RawEvent, { event_type: 'tick' | 'alert' }>;

/** A query that observes a name, and the state of its rule once an event has matched. */
interface Observer {
  readonly rule: Rule;
  readonly query: RuleQuery;
  fold: RuleFold | undefined;
}

/** Maximum advance of the clock (ms) per tick, so that downtime of Tocsin ends nothing. */
const MAX_ADVANCE_MS = 5_000;

const leaseKinds = [leaseFormat.kind, leaseEndFormat.kind];
const seriesKinds = [textFormat.kind, queryFormat.kind, judgementFormat.kind];
const kinds = [headFormat.kind, idFormat.kind, ...leaseKinds, ...seriesKinds];

/** The state of one partition of raw_events, and what each event does to it: docs/detect.md. It depends on nothing but the events. */
export class PartitionFold {
  readonly #counts = { events: 0, repeated: 0, observed: 0, late: 0, unmatched: 0 };
  readonly #sourceInIdentity: boolean;
  readonly #leases: AlertLeases;
  readonly #ids = new RecentIds();
  /** The rules that an event has matched, in order of strategy id. */
  #folds: RuleFold[] = [];
  #rules = CompiledRules.none;
  /** The observers of the names that events had, by their list in the rule set; derived from the rules and the folds. */
  #observers = new Map<readonly IndexedQuery[], readonly Observer[]>();
  /** Those of the latest event, because events mostly come in runs of one name. */
  #latest: { queries: readonly IndexedQuery[] | undefined; observers: readonly Observer[] } = { queries: undefined, observers: [] };
  #clock = 0;
  #lastTick: number | null = null;
  /** Names of blocks of series that a rule change has dropped. */
  #removed: string[] = [];
  #clean = true;

  constructor(options: FoldOptions) {
    this.#sourceInIdentity = options.identifyBy === 'event_source';
    this.#leases = new AlertLeases(this.#sourceInIdentity);
  }

  /**
   * The fold as it was when `blocks` were taken; `rules` is the rule set that their head names. Throws an Error that names a damaged or missing
   * block, T6301 for one that another version wrote.
   */
  static restore(options: FoldOptions, rules: CompiledRules, blocks: Iterable<CheckpointBlock>): PartitionFold {
    const all = [...blocks];
    const unknown = all.find((block) => !kinds.includes(kindOf(block)));
    if (unknown) throw unreadable(`block ${unknown.id} is of an unknown kind`);
    const fold = new PartitionFold(options);
    fold.#restore(rules, (...some) => all.filter((block) => some.includes(kindOf(block))));
    return fold;
  }

  /** Version of the rule set in force; 0 before the first. */
  get rulesVersion(): number {
    return this.#rules.version;
  }

  /** True when time alone can still change something, so that the partition needs ticks: open buckets, open alerts, leases. */
  get waiting(): boolean {
    return this.#leases.open > 0 || this.#folds.some(({ waiting }) => waiting);
  }

  /**
   * Totals since the beginning: events, repeated events, accepted observations, late ones, and events that no strategy observes.
   * One event can be several observations.
   */
  get counts(): Readonly<Record<'events' | 'repeated' | 'observed' | 'late' | 'unmatched', number>> {
    return this.#counts;
  }

  /** Current sizes; `rules` counts those that an event has matched, `leases` open and remembered ones. */
  get sizes(): Readonly<Record<'rules' | 'series' | 'openAlerts' | 'leases', number>> {
    const sum = (size: (fold: RuleFold) => number): number => this.#folds.reduce((total, fold) => total + size(fold), 0);
    return {
      rules: this.#folds.length,
      series: sum(({ series }) => series.size),
      openAlerts: sum(({ judgement }) => judgement.open) + this.#leases.open,
      leases: this.#leases.size,
    };
  }

  /** Folds one event at its place in the log. Throws when a tick names a newer rule set: {@link changeRules} comes first. */
  apply(event: RawEvent, emit: EmitAlert): void {
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

  /**
   * Puts another rule set in force (docs/detect.md section 6); `time` is the tick's timestamp (ms). Nothing happens until the steps are taken,
   * and the next event may come after the last one; between two steps other work can run.
   */
  *changeRules(rules: CompiledRules, time: number, emit: EmitAlert): Generator<void> {
    if (rules.version <= this.rulesVersion) throw new Error(`rule set ${rules.version} is not newer than ${this.rulesVersion}`);
    this.#clean = false;
    const kept: RuleFold[] = [];
    for (const fold of this.#folds) {
      const { strategy } = fold.rule;
      const next = rules.entry(strategy.id);
      if (next?.version !== strategy.version) {
        const reason = reasonToEnd(strategy, next?.strategy);
        if (reason) {
          yield* fold.end(reason, time, emit);
          this.#removed.push(...seriesBlockNames(fold));
          continue;
        }
        fold.follow(next!.rule);
        yield;
      }
      kept.push(fold);
    }
    this.#follow(rules, kept);
  }

  /** The blocks that differ from those of the latest {@link markClean}. */
  dirtyBlocks(): CheckpointBlock[] {
    if (this.#clean) return [];
    const head = sealHead({
      clock: this.#clock,
      lastTick: this.#lastTick,
      rulesVersion: this.rulesVersion,
      opened: this.#leases.opened,
      counts: this.#counts,
      ids: this.#ids.extent,
    });
    return [head, ...this.#folds.flatMap(dirtySeries), ...dirtyLeases(this.#leases), ...dirtyIds(this.#ids)];
  }

  /** Names of blocks that are no longer part of the state. */
  removedBlocks(): string[] {
    return [...this.#removed, ...emptiedLeases(this.#leases), ...removedIds(this.#ids)];
  }

  /** Notes that the blocks of {@link dirtyBlocks} are stored and those of {@link removedBlocks} deleted. */
  markClean(): void {
    for (const fold of this.#folds) fold.markClean();
    this.#leases.changed.clear();
    this.#leases.moved.clear();
    this.#ids.markClean();
    this.#removed = [];
    this.#clean = true;
  }

  #observe(event: Observed, name: string, value: number, emit: EmitAlert): void {
    const counts = this.#counts;
    const queries = this.#rules.find(event.bk_biz_id, event.event_type, name);
    let seen = 0;
    if (queries) {
      const observers = queries === this.#latest.queries ? this.#latest.observers : this.#observersOf(queries);
      for (let index = 0; index < observers.length; index++) {
        const observer = observers[index]!;
        const { query } = observer;
        if (query.matches && !query.matches(event.raw_data.dimensions)) continue;
        const fold = (observer.fold ??= this.#foldOf(observer.rule));
        counts[fold.observe(query, event, value, this.#clock, emit)]++;
        seen++;
      }
    }
    if (seen === 0) counts.unmatched++;
  }

  #tick({ timestamp, raw_data }: Tick, emit: EmitAlert): void {
    if (raw_data.rules_version > this.rulesVersion) throw new Error(`rule set ${raw_data.rules_version} is not in force yet`);
    if (this.#lastTick !== null) this.#clock += Math.min(Math.max(timestamp - this.#lastTick, 0), MAX_ADVANCE_MS);
    this.#lastTick = Math.max(this.#lastTick ?? timestamp, timestamp);
    for (const fold of this.#folds) fold.tick(this.#clock, timestamp, emit);
    this.#leases.tick(this.#clock, timestamp, emit);
  }

  #follow(rules: CompiledRules, folds: RuleFold[]): void {
    this.#rules = rules;
    this.#folds = folds;
    this.#observers = new Map();
    this.#latest = { queries: undefined, observers: [] };
  }

  #observersOf(queries: readonly IndexedQuery[]): readonly Observer[] {
    const observers = this.#observers.get(queries) ?? this.#compile(queries);
    this.#latest.queries = queries;
    this.#latest.observers = observers;
    return observers;
  }

  /** Compiles the rules that observe a name, at the first event that has it. */
  #compile(queries: readonly IndexedQuery[]): readonly Observer[] {
    const observers = queries.map(({ entry: { id, rule }, query }): Observer => {
      const known = this.#folds[placeOf(this.#folds, id)];
      return { rule, query: rule.queries[query]!, fold: known?.rule.strategy.id === id ? known : undefined };
    });
    this.#observers.set(queries, observers);
    return observers;
  }

  /** The state of a rule, created at the first event that matches it. */
  #foldOf(rule: Rule): RuleFold {
    const { id } = rule.strategy;
    const place = placeOf(this.#folds, id);
    const known = this.#folds[place];
    if (known?.rule.strategy.id === id) return known;
    const fold = new RuleFold(rule, this.rulesVersion, this.#sourceInIdentity);
    this.#folds.splice(place, 0, fold);
    return fold;
  }

  #restore(rules: CompiledRules, blocksOf: (...kinds: readonly string[]) => readonly CheckpointBlock[]): void {
    const { clock, lastTick, rulesVersion, opened, counts, ids } = headOf(blocksOf(headFormat.kind));
    if (rules.version !== rulesVersion) throw new Error(`the checkpoint needs rule set ${rulesVersion}, not ${rules.version}`);
    Object.assign(this.#counts, counts);
    this.#clock = clock;
    this.#lastTick = lastTick;
    restoreLeases(this.#leases, blocksOf(...leaseKinds), opened);
    if (ids) restoreIds(this.#ids, blocksOf(idFormat.kind), ids);
    const folds = [...storedSeries(blocksOf(...seriesKinds))].map(([id, stored]) => {
      const entry = rules.entry(id);
      if (!entry?.strategy.is_enabled)
        throw new Error(`checkpoint block ${[...stored.blocks.keys()][0]} belongs to no strategy of rule set ${rules.version}`);
      const fold = new RuleFold(entry.rule, stored.createdAt, this.#sourceInIdentity);
      restoreSeries(fold, stored);
      return fold;
    });
    this.#follow(
      rules,
      folds.sort((a, b) => a.rule.strategy.id - b.rule.strategy.id),
    );
  }
}

/** Place of the first fold whose strategy id is not below `id`. */
function placeOf(folds: readonly RuleFold[], id: number): number {
  let [low, high] = [0, folds.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (folds[middle]!.rule.strategy.id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
