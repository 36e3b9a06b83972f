import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { StrategyReader } from '../detect/strategy.reader.js';
import type { PolicyFor } from './place-alerts.js';
import { policyOf } from './policy.js';

/** The policies of strategies, with the settings as defaults. */
@Injectable()
export class ConvergePolicies {
  constructor(
    private readonly strategies: StrategyReader,
    private readonly config: Config,
  ) {}

  /** The policies of these strategies. For 0 (alerts of external senders) and for deleted strategies it is that of the settings. */
  async for(strategyIds: Iterable<number>): Promise<PolicyFor> {
    const ids = new Set(strategyIds);
    ids.delete(0);
    const strategies = ids.size > 0 ? await this.strategies.find([...ids]) : new Map<number, never>();
    const policies = new Map([...ids, 0].map((id) => [id, policyOf(strategies.get(id), this.config)]));
    return (id) => policies.get(id)!;
  }

  /** Bytes of members that fit into one message; the rest of a record is for everything else. */
  get messageBytes(): number {
    return Math.floor(this.config.MAX_RECORD_BYTES * 0.75);
  }
}
