import { Module } from '@nestjs/common';
import { TimelineRepository } from '../database/timeline.repository.js';
import { LogModule } from '../log/log.module.js';
import { RuntimeModule } from '../runtime/runtime.module.js';
import { Outbound } from './channels/outbound.client.js';
import { GroupCommit } from './group-commit.repository.js';
import { NoticeDelivery } from './notice-delivery.service.js';
import { NoticeSender } from './notice-sender.service.js';
import { NoticeConsumer } from './notice.consumer.js';
import { NoticeController } from './notice.controller.js';
import { NoticeReader } from './notice.reader.js';
import { NoticeRepository } from './notice.repository.js';
import { NoticeService } from './notice.service.js';
import { ReceiverController } from './receiver.controller.js';
import { ReceiverReader } from './receiver.reader.js';
import { ReceiverRepository } from './receiver.repository.js';
import { ReceiverService } from './receiver.service.js';

/** Receivers, and the notices for them. */
@Module({
  imports: [LogModule, RuntimeModule],
  controllers: [NoticeController, ReceiverController],
  providers: [GroupCommit, NoticeReader, NoticeRepository, NoticeService, ReceiverReader, ReceiverRepository, ReceiverService, TimelineRepository],
  exports: [NoticeRepository, NoticeService, ReceiverReader, ReceiverService],
})
export class NoticeModule {}

/** The consumer group of Notice, and the delivery of notices. */
@Module({ imports: [LogModule, RuntimeModule, NoticeModule], controllers: [NoticeConsumer], providers: [NoticeDelivery, NoticeSender, Outbound] })
export class NoticeDeliveryModule {}
