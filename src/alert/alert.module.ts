import { Module } from '@nestjs/common';
import { AlertConsumer } from './alert.consumer.js';
import { AlertController } from './alert.controller.js';
import { AlertReader } from './alert.reader.js';
import { AlertRepository } from './alert.repository.js';
import { AlertService } from './alert.service.js';
import { Outbound } from './channels/outbound.client.js';
import { Courier } from './courier.service.js';
import { GrowthGuard } from './growth-guard.service.js';
import { GroupCommit } from './group-commit.repository.js';
import { NoticeSender } from './notice-sender.service.js';
import { NoticeConsumer } from './notice.consumer.js';
import { NoticeController } from './notice.controller.js';
import { NoticeReader } from './notice.reader.js';
import { NoticeRepository } from './notice.repository.js';
import { NoticeService } from './notice.service.js';
import { PushSender } from './push/push-sender.service.js';
import { PushConsumer } from './push/push.consumer.js';
import { PushController } from './push/push.controller.js';
import { PushReader } from './push/push.reader.js';
import { PushRepository } from './push/push.repository.js';
import { PushService } from './push/push.service.js';
import { QueueClient } from './push/queue.client.js';
import { ReceiverController } from './receiver.controller.js';
import { ReceiverReader } from './receiver.reader.js';
import { ReceiverRepository } from './receiver.repository.js';
import { ReceiverService } from './receiver.service.js';
import { TimelineRepository } from './timeline.repository.js';

@Module({
  controllers: [AlertConsumer, AlertController, NoticeConsumer, NoticeController, PushConsumer, PushController, ReceiverController],
  providers: [
    AlertReader,
    AlertRepository,
    AlertService,
    Courier,
    GroupCommit,
    GrowthGuard,
    NoticeReader,
    NoticeRepository,
    NoticeSender,
    NoticeService,
    Outbound,
    PushReader,
    PushRepository,
    PushSender,
    PushService,
    QueueClient,
    ReceiverReader,
    ReceiverRepository,
    ReceiverService,
    TimelineRepository,
  ],
  exports: [AlertReader, ReceiverReader, ReceiverService],
})
export class AlertModule {}
