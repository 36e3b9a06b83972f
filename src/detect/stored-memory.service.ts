import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { boundsOf } from '../log/bounds.js';
import { EventLog, type TopicPartition } from '../log/event-log.js';
import { StoresState } from '../log/consuming/stored-state.decorator.js';
import { CheckpointRepository } from './checkpoint.repository.js';
import { PartitionFold } from './fold.js';
import { rulesInForce } from './rules-in-force.js';
import { StrategyRepository } from './strategy.repository.js';

/** Detect's memory at rest, for those who move its cursors. */
@Injectable()
export class StoredMemory {
  constructor(
    private readonly checkpoints: CheckpointRepository,
    private readonly strategies: StrategyRepository,
    private readonly eventLog: EventLog,
    private readonly config: Config,
  ) {}

  /** A memory of nothing, with the rules that were in force there: records are judged as they were the first time. */
  @StoresState('detect')
  async begin(at: TopicPartition, offset: number): Promise<void> {
    await this.beginWith(at, await this.rulesVersionAt(this.eventLog, at, offset));
  }

  async beginWith(at: TopicPartition, rulesVersion: number): Promise<void> {
    await this.checkpoints.clear(at);
    if (rulesVersion === 0) return;
    const fold = new PartitionFold({ identifyBy: this.config.PARTITION_KEY });
    fold.changeRules(await this.strategies.rulesAt(rulesVersion), 0, () => undefined);
    await this.checkpoints.save(at, fold.dirtyBlocks(), []);
  }

  /** What the ticks in `log` say; where they are gone, the rules of the time when the log got the record. */
  async rulesVersionAt(log: Pick<EventLog, 'read' | 'offsets'>, at: TopicPartition, offset: number): Promise<number> {
    const bounds = await boundsOf(log, at);
    const named = await rulesInForce(log, at, offset, bounds?.low ?? 0);
    if (named !== undefined) return named;
    for await (const [first] of log.read(at, offset, offset + 1)) if (first) return this.strategies.rulesVersionBefore(first.timestamp);
    return this.strategies.rulesVersion();
  }
}
