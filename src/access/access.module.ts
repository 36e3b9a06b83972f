import { Module } from '@nestjs/common';
import { LogModule } from '../log/log.module.js';
import { RuntimeModule } from '../runtime/runtime.module.js';
import { AccessMetrics } from './access-metrics.service.js';
import { AccessService } from './access.service.js';
import { AlertmanagerController } from './alertmanager.controller.js';
import { BkReportController } from './bk-report.controller.js';
import { BkReportService } from './bk-report.service.js';
import { CloudEventsController } from './cloudevents.controller.js';
import { DegradeController } from './degrade/degrade.controller.js';
import { DegradeRepository } from './degrade/degrade.repository.js';
import { DegradeService } from './degrade/degrade.service.js';
import { DegradeWatch } from './degrade/degrade-watch.service.js';
import { EventsController } from './events.controller.js';
import { IngestController } from './ingest.controller.js';
import { MappingController } from './mapping.controller.js';
import { MappingService } from './mapping.service.js';
import { PublicationService } from './publication.service.js';
import { RateService } from './rate.service.js';
import { RemoteWriteController } from './remote-write/remote-write.controller.js';
import { SenderService } from './sender.service.js';
import { SourceReader } from './registry/source.reader.js';
import { SourceRepository } from './registry/source.repository.js';

/** The first stage: validates events, assigns ids and keys, and responds only after the log has acknowledged them. */
@Module({
  imports: [LogModule, RuntimeModule],
  controllers: [
    EventsController,
    RemoteWriteController,
    AlertmanagerController,
    BkReportController,
    CloudEventsController,
    IngestController,
    MappingController,
    DegradeController,
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
    SourceReader,
    SourceRepository,
  ],
  exports: [AccessService, DegradeService, PublicationService, SourceReader, SourceRepository],
})
export class AccessModule {}
