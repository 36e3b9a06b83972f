import { Module, type OnModuleInit } from '@nestjs/common';
import { DetectModule } from '../detect/detect.module.js';
import { Duties } from '../runtime/duties.js';
import { ConvergeConsumer } from './converge.consumer.js';
import { ConvergeController } from './converge.controller.js';
import { CONVERGE_DUTY, ConvergeService } from './converge.service.js';
import { FlushService } from './flush.service.js';
import { GroupReader } from './group.reader.js';
import { GroupRepository } from './group.repository.js';
import { MemberRepository } from './member.repository.js';
import { ConvergePolicies } from './policies.service.js';

@Module({
  imports: [DetectModule],
  controllers: [ConvergeConsumer, ConvergeController],
  providers: [ConvergePolicies, ConvergeService, FlushService, GroupReader, GroupRepository, MemberRepository],
  exports: [ConvergeService, GroupReader],
})
export class ConvergeModule implements OnModuleInit {
  constructor(
    private readonly duties: Duties,
    private readonly flushes: FlushService,
  ) {}

  onModuleInit(): void {
    this.duties.register(CONVERGE_DUTY, (now) => this.flushes.flush(now));
  }
}
