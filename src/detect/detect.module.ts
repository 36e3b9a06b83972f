import { Module } from '@nestjs/common';
import { LogModule } from '../log/log.module.js';
import { RuntimeModule } from '../runtime/runtime.module.js';
import { CheckpointRepository } from './checkpoint.repository.js';
import { Clock } from './clock.service.js';
import { DetectConsumer } from './detect.consumer.js';
import { DetectMetrics } from './detect-metrics.service.js';
import { DetectService } from './detect.service.js';
import { RuleCache } from './rule-cache.service.js';
import { StoredMemory } from './stored-memory.service.js';
import { StrategyController } from './strategy.controller.js';
import { StrategyReader } from './strategy.reader.js';
import { StrategyRepository } from './strategy.repository.js';
import { StrategyService } from './strategy.service.js';

/** Strategies, and how events are judged by them. */
@Module({
  imports: [LogModule, RuntimeModule],
  controllers: [StrategyController],
  providers: [
    CheckpointRepository,
    Clock,
    DetectMetrics,
    DetectService,
    RuleCache,
    StoredMemory,
    StrategyReader,
    StrategyRepository,
    StrategyService,
  ],
  exports: [DetectService, StrategyReader, StrategyService],
})
export class DetectModule {}

/** The consumer group of Detect. */
@Module({ imports: [LogModule, DetectModule], controllers: [DetectConsumer] })
export class DetectConsumerModule {}
