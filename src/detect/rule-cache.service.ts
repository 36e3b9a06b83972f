import { Injectable } from '@nestjs/common';
import { setImmediate } from 'node:timers/promises';
import { CompiledRules } from './compiled-rules.js';
import { StrategyRepository } from './strategy.repository.js';

/** Rule sets kept for partitions that have not come as far; each shares what it can with the next. */
const MAX_KEPT = 4;

/** The rule sets of this process, shared by all partitions: an edit loads and compiles only the strategies that it changed. */
@Injectable()
export class RuleCache {
  /** Latest use last. */
  readonly #kept = new Map<number, CompiledRules>();
  #loading: Promise<unknown> = Promise.resolve();

  constructor(private readonly strategies: StrategyRepository) {}

  /** The rule set of a version. Loads are serial, so that partitions which need the same or the next version share one load. */
  async at(version: number): Promise<CompiledRules> {
    if (version === 0) return CompiledRules.none;
    const known = this.#kept.get(version);
    if (known) return this.#keep(known);
    const load = this.#loading.then(() => this.#load(version));
    this.#loading = load.catch(() => undefined);
    return load;
  }

  async #load(version: number): Promise<CompiledRules> {
    const known = this.#kept.get(version);
    if (known) return this.#keep(known);
    const versions = [...this.#kept.keys()];
    const base = this.#kept.get(Math.max(...versions.filter((each) => each < version))) ?? CompiledRules.none;
    const edit = base.edit(this.#kept.get(Math.max(...versions)));
    for await (const changes of this.strategies.rulesSince(base.version, version)) {
      for (const change of changes) edit.apply(change);
      await setImmediate();
    }
    return this.#keep(edit.finish(version));
  }

  #keep(rules: CompiledRules): CompiledRules {
    this.#kept.delete(rules.version);
    this.#kept.set(rules.version, rules);
    for (const version of [...this.#kept.keys()].slice(0, -MAX_KEPT)) this.#kept.delete(version);
    return rules;
  }
}
