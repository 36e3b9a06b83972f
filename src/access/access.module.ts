import { Module } from '@nestjs/common';
import { AccessMetrics } from './access-metrics.service.js';
import { AccessService } from './access.service.js';
import { AlertmanagerController } from './alertmanager.controller.js';
import { EventsController } from './events.controller.js';
import { PublicationService } from './publication.service.js';
import { RemoteWriteController } from './remote-write.controller.js';

/** The first stage: validates, names and keys what senders hand in, and answers only after the log has it. */
@Module({
  controllers: [EventsController, RemoteWriteController, AlertmanagerController],
  providers: [AccessMetrics, AccessService, PublicationService],
  exports: [AccessService],
})
export class AccessModule {}
