import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { ExternalClustersModule } from '../log/external-clusters.module.js';
import { LogModule } from '../log/log.module.js';
import { RuntimeModule } from '../runtime/runtime.module.js';
import { ReplicaRepository } from './replica.repository.js';
import { SourceClaims } from './source-claims.service.js';
import { SourceDecoder } from './source-decoder.service.js';
import { SourcePublisher } from './source-publisher.service.js';
import { SourceReconciler } from './source-reconciler.service.js';
import { SourceRunner } from './source-runner.service.js';
import { SourceStateService } from './source-state.service.js';
import { SourceWatch } from './source-watch.service.js';
import { SourceController } from './source.controller.js';
import { SourceService } from './source.service.js';

/** External Kafka clusters as sources beside HTTP: their records become events in the same way as those of a request. */
@Module({
  imports: [AccessModule, ExternalClustersModule, LogModule, RuntimeModule],
  controllers: [SourceController],
  providers: [
    ReplicaRepository,
    SourceClaims,
    SourceDecoder,
    SourcePublisher,
    SourceReconciler,
    SourceRunner,
    SourceService,
    SourceStateService,
    SourceWatch,
  ],
})
export class SourcesModule {}
