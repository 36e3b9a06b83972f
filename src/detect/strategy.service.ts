import { Injectable } from '@nestjs/common';
import { TocsinError } from '../shared/errors.js';
import { Clock } from './clock.service.js';
import { parseStrategy, type Strategy, type StrategyVersion } from './strategy.js';
import { StrategyRepository } from './strategy.repository.js';

/** What {@link StrategyService.apply} did with one strategy. */
export interface AppliedStrategy {
  readonly name: string;
  readonly outcome: 'created' | 'updated' | 'unchanged';
  readonly id: number;
}

/** Changes strategies. A change returns after its tick is in every partition of the log, so that it applies to every event sent afterwards. */
@Injectable()
export class StrategyService {
  constructor(
    private readonly strategies: StrategyRepository,
    private readonly clock: Clock,
  ) {}

  async create(value: unknown, by: string, now: number): Promise<Strategy> {
    const strategy = await this.strategies.create(parseStrategy(value), by, now);
    await this.clock.announce();
    return strategy;
  }

  async replace(id: number, value: unknown, by: string, now: number, expected?: number): Promise<Strategy> {
    const body = parseStrategy(value);
    const version = await this.strategies.change(id, body, by, now, expected);
    await this.clock.announce();
    return { ...body, id, version };
  }

  async remove(id: number, by: string, now: number): Promise<void> {
    await this.strategies.change(id, null, by, now);
    await this.clock.announce();
  }

  async get(id: number): Promise<Strategy> {
    const [strategy] = await this.strategies.find([id]);
    if (!strategy) throw new TocsinError('T2002', `no strategy ${id}`);
    return strategy;
  }

  async versions(id: number): Promise<StrategyVersion[]> {
    const versions = await this.strategies.versions(id);
    if (versions.length === 0) throw new TocsinError('T2002', `no strategy ${id}`);
    return versions;
  }

  list(filter: { bk_biz_id?: string; after: number; limit: number }): Promise<Strategy[]> {
    return this.strategies.list(filter);
  }

  /** Creates or updates strategies by business and name, and skips unchanged ones. All are validated before the first is stored. */
  async apply(values: readonly unknown[], by: string, now: number): Promise<AppliedStrategy[]> {
    const bodies = values.map((value) => parseStrategy(value));
    const applied: AppliedStrategy[] = [];
    for (const body of bodies) {
      const known = await this.strategies.named(body.bk_biz_id, body.name);
      if (!known) {
        applied.push({ name: body.name, outcome: 'created', id: (await this.strategies.create(body, by, now)).id });
      } else if (JSON.stringify({ ...body, id: known.id, version: known.version }) === JSON.stringify(known)) {
        applied.push({ name: body.name, outcome: 'unchanged', id: known.id });
      } else {
        await this.strategies.change(known.id, body, by, now);
        applied.push({ name: body.name, outcome: 'updated', id: known.id });
      }
    }
    if (applied.some(({ outcome }) => outcome !== 'unchanged')) await this.clock.announce();
    return applied;
  }
}
