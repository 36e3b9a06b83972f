import { Injectable } from '@nestjs/common';
import type { Strategy } from './strategy.js';
import { StrategyRepository } from './strategy.repository.js';

/** Strategies for later stages. */
@Injectable()
export class StrategyReader {
  readonly #known = new Map<number, { strategy: Strategy | undefined; until: number }>();

  constructor(private readonly strategies: StrategyRepository) {}

  /** Existing strategies by id, read at most two seconds ago; deleted ones are absent. */
  async find(ids: readonly number[]): Promise<Map<number, Strategy>> {
    const now = Date.now();
    const unknown = [...new Set(ids)].filter((id) => (this.#known.get(id)?.until ?? 0) < now);
    if (unknown.length > 0) {
      const found = new Map((await this.strategies.find(unknown)).map((strategy) => [strategy.id, strategy]));
      for (const id of unknown) this.#known.set(id, { strategy: found.get(id), until: now + 2000 });
    }
    return new Map(ids.flatMap((id) => [this.#known.get(id)?.strategy].flatMap((strategy) => (strategy ? [[id, strategy] as const] : []))));
  }
}
