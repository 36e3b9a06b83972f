import { Module } from '@nestjs/common';
import { LogModule } from '../log/log.module.js';
import { RuntimeModule } from '../runtime/runtime.module.js';
import { DeadLettersController } from './dead-letters/dead-letters.controller.js';
import { DeadLetters } from './dead-letters/dead-letters.service.js';
import { LagController } from './lag/lag.controller.js';
import { OffsetsController } from './offsets/offsets.controller.js';
import { Offsets } from './offsets/offsets.service.js';
import { ConsumersController } from './partition-control/consumers.controller.js';
import { PartitionCommands } from './partition-control/partition-commands.service.js';
import { PartitionControl } from './partition-control/partition-control.service.js';
import { TailController } from './tail/tail.controller.js';
import { TailService } from './tail/tail.service.js';
import { PartitionExpansionService } from './topics/partition-expansion.service.js';
import { TopicsController } from './topics/topics.controller.js';
import { TopicsService } from './topics/topics.service.js';

/** The operators' tools. */
@Module({
  imports: [LogModule, RuntimeModule],
  controllers: [ConsumersController, DeadLettersController, LagController, OffsetsController, TailController, TopicsController],
  providers: [DeadLetters, PartitionExpansionService, Offsets, PartitionCommands, PartitionControl, TailService, TopicsService],
})
export class OpsModule {}
