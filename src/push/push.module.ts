import { Module } from '@nestjs/common';
import { AlertModule } from '../alert/alert.module.js';
import { TimelineRepository } from '../database/timeline.repository.js';
import { ExternalClustersModule } from '../log/external-clusters.module.js';
import { LogModule } from '../log/log.module.js';
import { RuntimeModule } from '../runtime/runtime.module.js';
import { PushSender } from './push-sender.service.js';
import { PushConsumer } from './push.consumer.js';
import { PushController } from './push.controller.js';
import { PushReader } from './push.reader.js';
import { PushRepository } from './push.repository.js';
import { PushService } from './push.service.js';
import { QueueClient } from './queue.client.js';

/** State changes of alerts, pushed to the queues of self-healing systems. */
@Module({
  imports: [AlertModule, RuntimeModule],
  controllers: [PushController],
  providers: [PushReader, PushRepository, PushService, TimelineRepository],
  exports: [PushRepository, PushService],
})
export class PushModule {}

/** The consumer group of Push, and the delivery to the queues. */
@Module({
  imports: [ExternalClustersModule, LogModule, RuntimeModule, PushModule],
  controllers: [PushConsumer],
  providers: [PushSender, QueueClient],
})
export class PushDeliveryModule {}
