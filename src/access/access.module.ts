import { Module } from '@nestjs/common';
import { AccessMetrics } from './access-metrics.service.js';
import { AccessService } from './access.service.js';
import { AlertmanagerController } from './alertmanager.controller.js';
import { BkReportController } from './bk-report.controller.js';
import { BkReportService } from './bk-report.service.js';
import { CloudEventsController } from './cloudevents.controller.js';
import { DegradeController } from './degrade.controller.js';
import { DegradeRepository } from './degrade.repository.js';
import { DegradeService } from './degrade.service.js';
import { DegradeWatch } from './degrade-watch.service.js';
import { EventsController } from './events.controller.js';
import { IngestController } from './ingest.controller.js';
import { MappingController } from './mapping.controller.js';
import { MappingService } from './mapping.service.js';
import { PublicationService } from './publication.service.js';
import { RateService } from './rate.service.js';
import { RemoteWriteController } from './remote-write.controller.js';
import { SenderService } from './sender.service.js';
import { ReplicaRepository } from './sources/replica.repository.js';
import { SourceConsumers, SourcePlant } from './sources/source-consumers.service.js';
import { SourceController } from './sources/source.controller.js';
import { SourceReader } from './sources/source.reader.js';
import { SourceRepository } from './sources/source.repository.js';
import { SourceService } from './sources/source.service.js';
import { SourceStateService } from './sources/source-state.service.js';
import { SourceWatch } from './sources/source-watch.service.js';

/** The first stage: validates, names and keys what senders hand in, and answers only after the log has it. */
@Module({
  controllers: [
    EventsController,
    RemoteWriteController,
    AlertmanagerController,
    BkReportController,
    CloudEventsController,
    IngestController,
    MappingController,
    DegradeController,
    SourceController,
  ],
  providers: [
    AccessMetrics,
    AccessService,
    BkReportService,
    DegradeRepository,
    DegradeService,
    DegradeWatch,
    MappingService,
    PublicationService,
    RateService,
    SenderService,
    ReplicaRepository,
    SourceConsumers,
    SourcePlant,
    SourceReader,
    SourceRepository,
    SourceService,
    SourceStateService,
    SourceWatch,
  ],
  exports: [AccessService, SourceReader],
})
export class AccessModule {}
