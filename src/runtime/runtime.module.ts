import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { LeaseRepository } from '../database/lease.repository.js';
import { LogModule } from '../log/log.module.js';
import { DecoratorsModule } from '../shared/discovery.module.js';
import { ConsumerMetrics } from './consumer-metrics.service.js';
import { ConsumerTimes } from './consumer-times.service.js';
import { DatabaseMetrics } from './database-metrics.service.js';
import { DeadLetterMetrics } from './dead-letter-metrics.service.js';
import { Duties } from './duties.js';
import { HealthController } from './health.controller.js';
import { LagWatch } from './lag-watch.service.js';
import { LeasedDuties } from './leased-duties.service.js';
import { MetricsController } from './metrics.controller.js';
import { Metrics } from './metrics.service.js';
import { OutboxWatch } from './outbox-watch.service.js';
import { PartitionExpansionChecks } from './partition-expansion-checks.service.js';
import { ProducerMetrics } from './producer-metrics.service.js';
import { Readiness } from './readiness.service.js';
import { RelayDuty } from './relay-duty.service.js';
import { RuntimeExplorer } from './runtime-explorer.service.js';
import { Secrets } from './secrets.service.js';
import { SelfAlarms } from './self-alarms.service.js';

const shared = [LagWatch, LeasedDuties, Metrics, PartitionExpansionChecks, Secrets, SelfAlarms];

/** Services of every process: metrics, health, leader-elected tasks, self-alarms, secrets. */
@Module({
  imports: [DecoratorsModule, LogModule, TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController, MetricsController],
  providers: [
    ...shared,
    { provide: Duties, useExisting: LeasedDuties },
    ConsumerMetrics,
    ConsumerTimes,
    DatabaseMetrics,
    DeadLetterMetrics,
    LeaseRepository,
    OutboxWatch,
    ProducerMetrics,
    Readiness,
    RelayDuty,
    RuntimeExplorer,
  ],
  exports: [...shared, Duties],
})
export class RuntimeModule {}
