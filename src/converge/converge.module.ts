import { Module } from '@nestjs/common';
import { DetectModule } from '../detect/detect.module.js';
import { LogModule } from '../log/log.module.js';
import { RuntimeModule } from '../runtime/runtime.module.js';
import { ConvergeConsumer } from './converge.consumer.js';
import { ConvergeController } from './converge.controller.js';
import { ConvergeService } from './converge.service.js';
import { FlushService } from './flush.service.js';
import { GroupReader } from './group.reader.js';
import { GroupRepository } from './group.repository.js';
import { MemberRepository } from './member.repository.js';
import { ConvergePolicies } from './policies.service.js';

/** Groups of alerts, and the schedule of their messages. */
@Module({
  imports: [DetectModule, LogModule, RuntimeModule],
  controllers: [ConvergeController],
  providers: [ConvergePolicies, ConvergeService, FlushService, GroupReader, GroupRepository, MemberRepository],
  exports: [ConvergeService, GroupReader],
})
export class ConvergeModule {}

/** The consumer group of Converge. */
@Module({ imports: [LogModule, ConvergeModule], controllers: [ConvergeConsumer] })
export class ConvergeConsumerModule {}
