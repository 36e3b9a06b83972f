import { Injectable } from '@nestjs/common';
import { type AuditObject, AuditService } from '../database/audit.service.js';
import { Database } from '../database/database.client.js';
import type { Actor } from '../shared/actor.js';
import { TocsinError } from '../shared/errors.js';
import { Clock } from './clock.service.js';
import type { Strategy, StrategyBody, StrategyVersion } from './strategy.js';
import { StrategyRepository } from './strategy.repository.js';

/** The result of {@link StrategyService.apply} for one strategy. */
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
    private readonly database: Database,
    private readonly audit: AuditService,
  ) {}

  async create(body: StrategyBody, actor: Actor, now: number): Promise<Strategy> {
    const strategy = await this.#create(body, actor, now);
    await this.clock.announce();
    return strategy;
  }

  async replace(id: number, body: StrategyBody, actor: Actor, now: number, expected?: number): Promise<Strategy> {
    const version = await this.#change(id, body, actor, now, expected);
    await this.clock.announce();
    return { ...body, id, version };
  }

  async remove(id: number, actor: Actor, now: number): Promise<void> {
    await this.#change(id, null, actor, now);
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

  /** Creates or updates strategies by business and name; identical ones remain unchanged. */
  async apply(bodies: readonly StrategyBody[], actor: Actor, now: number): Promise<AppliedStrategy[]> {
    const applied: AppliedStrategy[] = [];
    for (const body of bodies) {
      const known = await this.strategies.named(body.bk_biz_id, body.name);
      if (!known) {
        applied.push({ name: body.name, outcome: 'created', id: (await this.#create(body, actor, now)).id });
      } else if (JSON.stringify({ ...body, id: known.id, version: known.version }) === JSON.stringify(known)) {
        applied.push({ name: body.name, outcome: 'unchanged', id: known.id });
      } else {
        await this.#change(known.id, body, actor, now);
        applied.push({ name: body.name, outcome: 'updated', id: known.id });
      }
    }
    if (applied.some(({ outcome }) => outcome !== 'unchanged')) await this.clock.announce();
    return applied;
  }

  #create(body: StrategyBody, actor: Actor, now: number): Promise<Strategy> {
    return this.database.transaction(async () => {
      const strategy = await this.strategies.create(body, actor.name, now);
      await this.audit.record({ actor, action: 'strategy.created', object: objectOf(strategy.id), after: strategy }, now);
      return strategy;
    });
  }

  #change(id: number, body: StrategyBody | null, actor: Actor, now: number, expected?: number): Promise<number> {
    return this.database.transaction(async () => {
      const version = await this.strategies.change(id, body, actor.name, now, expected);
      const action = body ? 'strategy.updated' : 'strategy.deleted';
      await this.audit.record({ actor, action, object: objectOf(id), after: { ...body, version } }, now);
      return version;
    });
  }
}

const objectOf = (id: number): AuditObject => ({ kind: 'strategy', id: String(id) });
