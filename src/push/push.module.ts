import { Module } from '@nestjs/common';
import { AlertModule } from '../alert/alert.module.js';
import { TimelineRepository } from '../database/timeline.repository.js';
import { PushSender } from './push-sender.service.js';
import { PushConsumer } from './push.consumer.js';
import { PushController } from './push.controller.js';
import { PushReader } from './push.reader.js';
import { PushRepository } from './push.repository.js';
import { PushService } from './push.service.js';
import { QueueClient } from './queue.client.js';

/** State changes of alerts for the queues of self-healing systems. */
@Module({
  imports: [AlertModule],
  controllers: [PushConsumer, PushController],
  providers: [PushReader, PushRepository, PushSender, PushService, QueueClient, TimelineRepository],
})
export class PushModule {}
