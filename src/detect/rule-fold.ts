import type { EmitAlert } from './alert-draft.js';
import type { Dimensions } from './conditions.js';
import { type ItemJoin, joinOf } from './item-join.js';
import { SeriesJudgement } from './judgement.js';
import { type BucketClosed, QueryBuckets } from './query-buckets.js';
import type { ReasonToEnd, Rule, RuleQuery } from './rules.js';
import { SeriesIndex } from './series-index.js';
import { seriesText } from './series-text.js';

const FIRST_CAPACITY = 16;
/** Series after which {@link RuleFold.end} lets other work run. */
const SERIES_PER_STEP = 64;

/** The parts of an event that a rule reads. */
export interface ObservableEvent {
  readonly event_source: string;
  readonly timestamp: number;
  readonly raw_data: { readonly dimensions: Dimensions };
}

/** The state of one rule in one partition, from buckets over the join to the judgement (docs/detect.md sections 3 to 6). Has at least one series. */
export class RuleFold {
  readonly series = new SeriesIndex();
  /** By the index of the query. */
  readonly queries: readonly QueryBuckets[];
  readonly judgement: SeriesJudgement;
  readonly #join: ItemJoin;
  #capacity = 0;
  /** No series can be due before the clock reads this; keeps ticks cheap. */
  #due = 0;
  /** The series for which a tick does something: 1, else 0. */
  #marks = new Uint8Array(0);
  #rule: Rule;

  /** `createdAt` is the version of the rule set in force when the first series came; it is part of the names of checkpoint blocks. */
  constructor(
    rule: Rule,
    readonly createdAt: number,
    private readonly sourceInIdentity: boolean,
  ) {
    this.#rule = rule;
    const closed: BucketClosed = (query, id, period, value, emit) => {
      const joined = this.#join(query, id, period, value);
      if (joined !== undefined) this.judgement.judge(id, period, joined, emit);
    };
    this.queries = rule.queries.map((query) => new QueryBuckets(query, closed));
    this.#join = joinOf(rule.queries);
    this.judgement = new SeriesJudgement(rule, this.series.texts, sourceInIdentity);
  }

  get rule(): Rule {
    return this.#rule;
  }

  /** True when time alone can still change something: open buckets or open alerts. */
  get waiting(): boolean {
    return this.judgement.open > 0 || this.queries.some(({ open }) => open > 0);
  }

  /** Continues with a version of the strategy that is compatible by {@link reasonToEnd}. */
  follow(rule: Rule): void {
    this.#rule = rule;
    this.judgement.follow(rule);
  }

  /** Adds a series from a checkpoint, in the order of its number. */
  restoreSeries(text: string): void {
    const known = this.series.size;
    if (this.series.numberOf(text) === known) this.#prepare(known);
  }

  /** Derives the counters from the columns, after they were filled from a checkpoint. */
  recount(): void {
    for (const part of [...this.queries, this.judgement]) part.recount(this.series.size);
    this.markClean();
  }

  /** Marks the present state as stored in a checkpoint. */
  markClean(): void {
    this.series.markClean();
    for (const { table } of [...this.queries, this.judgement]) table.markClean();
  }

  /** Takes an observation of one query, whose conditions match it. Runs for every event, so it builds nothing but the series' text. */
  observe(query: RuleQuery, event: ObservableEvent, value: number, clock: number, emit: EmitAlert): 'observed' | 'late' {
    const known = this.series.size;
    const source = this.sourceInIdentity ? event.event_source : undefined;
    const id = this.series.numberOf(seriesText(this.#rule.dimensions, event.raw_data.dimensions, source));
    if (id === known) this.#prepare(id);
    return this.queries[query.index]!.observe(id, event.timestamp, value, clock, emit);
  }

  /** Applies the passage of time (docs/detect.md section 5); `time` is the tick's timestamp (ms). */
  tick(clock: number, time: number, emit: EmitAlert): void {
    if (!this.waiting || clock < this.#due) return;
    // An observation after this tick can be due no earlier than that.
    let due = clock + Math.min(...this.queries.map(({ idleTimeout }) => idleTimeout), ...this.#rule.levels.map(({ noDataClose }) => noDataClose));
    const { size } = this.series;
    const observedAt = this.#observedAt();
    for (const query of this.queries) due = Math.min(due, query.markIdle(size, clock, this.#marks));
    due = Math.min(due, this.judgement.markSilent(size, clock, observedAt, this.#marks));
    for (let id = 0; id < size; id++) if (this.#marks[id] === 1) due = Math.min(due, this.#expire(id, observedAt[id]!, clock, time, emit));
    this.#due = due;
  }

  /** Ends all open alerts because the rule no longer applies, a few series per step; the fold must not be used afterwards. */
  *end(reason: ReasonToEnd, time: number, emit: EmitAlert): Generator<void> {
    if (this.judgement.open === 0) return;
    for (let id = 0; id < this.series.size; id++) {
      this.judgement.end(id, reason, time, emit);
      if (id % SERIES_PER_STEP === SERIES_PER_STEP - 1) yield;
    }
  }

  /** Closes the idle buckets of a marked series, then its alert after too long without data; returns when that can be due. */
  #expire(id: number, observedAt: number, clock: number, time: number, emit: EmitAlert): number {
    this.#marks[id] = 0;
    for (const query of this.queries) if (query.isIdle(id, clock)) query.closeAll(id, emit);
    const endAt = observedAt + this.judgement.noDataClose(id);
    if (clock < endAt) return endAt;
    this.judgement.closeForNoData(id, time, emit);
    return Infinity;
  }

  /** The partition's clock at the latest accepted observation of any query, by series. */
  #observedAt(): Float64Array {
    const [first, ...others] = this.queries.map(({ table }) => table.cells.observedAt);
    return others.length === 0 ? first! : first!.map((clock, id) => Math.max(clock, ...others.map((column) => column[id]!)));
  }

  /** Gives a new series its columns, and includes them in the next checkpoint. */
  #prepare(id: number): void {
    if (id >= this.#capacity) {
      this.#capacity = Math.max(FIRST_CAPACITY, this.#capacity * 2);
      for (const { table } of [...this.queries, this.judgement]) table.grow(this.#capacity);
      this.#marks = new Uint8Array(this.#capacity);
    }
    for (const { table } of [...this.queries, this.judgement]) table.touch(id);
  }
}
