import { compileRule, observedNames, type Rule, type RuleQuery } from './rules.js';
import type { Strategy, StrategyBody } from './strategy.js';

/** The latest version of one strategy in a range of rule set versions; `body` is its JSON, null when it was deleted. */
export interface RuleChange {
  readonly id: number;
  readonly version: number;
  readonly body: string | null;
}

/** One strategy of a rule set. Stores the JSON until an event needs the compiled rule, which all partitions then share. */
export class RuleEntry {
  #body: string;
  #rule: Rule | undefined;

  constructor(
    readonly id: number,
    readonly version: number,
    body: string,
  ) {
    this.#body = body;
  }

  get strategy(): Strategy {
    return this.#rule?.strategy ?? { ...(JSON.parse(this.#body) as StrategyBody), id: this.id, version: this.version };
  }

  get rule(): Rule {
    if (!this.#rule) {
      this.#rule = compileRule(this.strategy);
      this.#body = '';
    }
    return this.#rule;
  }

  get compiled(): boolean {
    return this.#rule !== undefined;
  }
}

/** A query that observes a name: an entry and the place of the query in its rule. */
export interface IndexedQuery {
  readonly entry: RuleEntry;
  readonly query: number;
}

type Names = Readonly<Record<RuleQuery['dataType'], ReadonlyMap<string, readonly IndexedQuery[]>>>;

type OwnNames = Record<RuleQuery['dataType'], Map<string, readonly IndexedQuery[]>>;

/** Entries by id in chunks, so that the next version of a rule set copies one chunk for a change, not all entries. */
const CHUNK_BITS = 8;
type Entries = readonly (readonly (RuleEntry | undefined)[] | undefined)[];

/**
 * All strategies at one version of the rule set. Immutable, and shared by the partitions of a process; the next version shares every entry
 * and every list that did not change.
 */
export class CompiledRules {
  /** Version 0: no strategies. */
  static readonly none = new CompiledRules(0, [], new Map());

  constructor(
    readonly version: number,
    private readonly entries: Entries,
    private readonly businesses: ReadonlyMap<string, Names>,
  ) {}

  /** The entry of a strategy, enabled or not; undefined when there is none at this version. */
  entry(id: number): RuleEntry | undefined {
    return this.entries[id >>> CHUNK_BITS]?.[id & ((1 << CHUNK_BITS) - 1)];
  }

  /** The queries of enabled strategies that observe an event, in order of strategy id; undefined when there are none. Builds no key. */
  find(business: string, type: RuleQuery['dataType'], name: string): readonly IndexedQuery[] | undefined {
    return this.businesses.get(business)?.[type].get(name);
  }

  /** Number of strategies, and how many of them are compiled. */
  get sizes(): { readonly strategies: number; readonly compiled: number } {
    const all = this.entries.flatMap((chunk) => chunk ?? []).filter((entry) => entry !== undefined);
    return { strategies: all.length, compiled: all.filter(({ compiled }) => compiled).length };
  }

  /** Starts the next version; `donor` is another rule set whose entries are reused where the version of a strategy is the same. */
  edit(donor: CompiledRules = CompiledRules.none): RulesEdit {
    return new RulesEdit(this.entries, this.businesses, donor);
  }
}

/** Collects changes to a rule set. Copies only what it changes, so it can take changes in portions between which other work runs. */
class RulesEdit {
  readonly #entries: (readonly (RuleEntry | undefined)[] | undefined)[];
  readonly #businesses: Map<string, Names>;
  /** Copies that belong to this edit. */
  readonly #ownChunks = new Set<number>();
  readonly #ownBusinesses = new Set<string>();
  readonly #ownLists = new Set<readonly IndexedQuery[]>();

  constructor(
    entries: Entries,
    businesses: ReadonlyMap<string, Names>,
    private readonly donor: CompiledRules,
  ) {
    this.#entries = [...entries];
    this.#businesses = new Map(businesses);
  }

  /** Replaces one strategy, or removes it. */
  apply({ id, version, body }: RuleChange): void {
    const old = this.#entries[id >>> CHUNK_BITS]?.[id & ((1 << CHUNK_BITS) - 1)];
    if (old) this.#unlist(old);
    const reusable = this.donor.entry(id);
    const entry = body === null ? undefined : reusable?.version === version ? reusable : new RuleEntry(id, version, body);
    this.#store(id, entry);
    if (entry) this.#list(entry);
  }

  /** The rule set with all changes; the edit must not be used afterwards. */
  finish(version: number): CompiledRules {
    return new CompiledRules(version, this.#entries, this.#businesses);
  }

  #store(id: number, entry: RuleEntry | undefined): void {
    const number = id >>> CHUNK_BITS;
    if (!this.#ownChunks.has(number)) {
      this.#ownChunks.add(number);
      this.#entries[number] = [...(this.#entries[number] ?? [])];
    }
    (this.#entries[number] as (RuleEntry | undefined)[])[id & ((1 << CHUNK_BITS) - 1)] = entry;
  }

  #list(entry: RuleEntry): void {
    const { strategy } = entry;
    if (!strategy.is_enabled) return;
    const names = this.#namesOf(strategy.bk_biz_id);
    observedNames(strategy).forEach(({ dataType, name }, query) => {
      const listed = this.#listOf(names[dataType], name);
      // Changes mostly come in order of id, so the place is at or near the end.
      let place = listed.length;
      while (place > 0 && listed[place - 1]!.entry.id > entry.id) place--;
      listed.splice(place, 0, { entry, query });
    });
  }

  #unlist(entry: RuleEntry): void {
    const { strategy } = entry;
    if (!strategy.is_enabled) return;
    const names = this.#namesOf(strategy.bk_biz_id);
    for (const { dataType, name } of observedNames(strategy)) {
      const rest = (names[dataType].get(name) ?? []).filter((each) => each.entry !== entry);
      this.#ownLists.add(rest);
      if (rest.length > 0) names[dataType].set(name, rest);
      else names[dataType].delete(name);
    }
  }

  /** The queries that observe a name, copied at the first change. */
  #listOf(names: Map<string, readonly IndexedQuery[]>, name: string): IndexedQuery[] {
    const listed = names.get(name);
    if (listed && this.#ownLists.has(listed)) return listed as IndexedQuery[];
    const own = [...(listed ?? [])];
    this.#ownLists.add(own);
    names.set(name, own);
    return own;
  }

  /** The names of a business, copied at the first change. */
  #namesOf(business: string): OwnNames {
    const names = this.#businesses.get(business);
    if (names && this.#ownBusinesses.has(business)) return names as OwnNames;
    const own = { metric: new Map(names?.metric), event: new Map(names?.event), log: new Map(names?.log) };
    this.#ownBusinesses.add(business);
    this.#businesses.set(business, own);
    return own;
  }
}
