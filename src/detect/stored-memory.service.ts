import { Injectable } from '@nestjs/common';
import { boundsOf } from '../log/bounds.js';
import { EventLog, type TopicPartition } from '../log/event-log.js';
import { StoresState } from '../log/consuming/stored-state.decorator.js';
import { CheckpointRepository } from './checkpoint.repository.js';
import { initialCheckpoint } from './head-block.js';
import { rulesInForce } from './rules-in-force.js';
import { StrategyRepository } from './strategy.repository.js';

/** Detect's stored state, for the tools that move its cursors. */
@Injectable()
export class StoredMemory {
  constructor(
    private readonly checkpoints: CheckpointRepository,
    private readonly strategies: StrategyRepository,
    private readonly eventLog: EventLog,
  ) {}

  /** Resets the state to empty with the rules that were in force at `offset`, so that records are judged as they were the first time. */
  @StoresState('detect')
  async begin(at: TopicPartition, offset: number): Promise<void> {
    await this.beginWith(at, await this.rulesVersionAt(this.eventLog, at, offset));
  }

  async beginWith(at: TopicPartition, rulesVersion: number): Promise<void> {
    await this.checkpoints.clear(at);
    if (rulesVersion > 0) await this.checkpoints.save(at, initialCheckpoint(rulesVersion), []);
  }

  /** The version that the ticks in `log` name; where they were deleted, the one of the time at which the log got the record. */
  async rulesVersionAt(log: Pick<EventLog, 'read' | 'offsets'>, at: TopicPartition, offset: number): Promise<number> {
    const bounds = await boundsOf(log, at);
    const named = await rulesInForce(log, at, offset, bounds?.low ?? 0);
    if (named !== undefined) return named;
    for await (const [first] of log.read(at, offset, offset + 1)) if (first) return this.strategies.rulesVersionBefore(first.timestamp);
    return this.strategies.rulesVersion();
  }
}
