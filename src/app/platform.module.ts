import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { Config } from '../config.js';
import { AuditService } from '../database/audit.service.js';
import { Database } from '../database/database.client.js';
import { LeaseRepository } from '../database/lease.repository.js';
import { Clusters } from '../log/cluster.js';
import { ConsumerWatch } from '../log/consuming/consumer-watch.service.js';
import { Consumers } from '../log/consuming/consumers.service.js';
import { CursorRepository } from '../log/cursor.repository.js';
import { PartitionPauseRepository } from '../log/consuming/partition-pause.repository.js';
import { StoredStates } from '../log/consuming/stored-states.service.js';
import { ExternalTopics } from '../log/external-topics.js';
import { KafkaExternalTopics } from '../log/kafka/kafka-external-topics.service.js';
import { KafkaClusters } from '../log/kafka/kafka-clusters.service.js';
import { EventLog } from '../log/event-log.js';
import { OffsetCommitInterceptor } from '../log/consuming/offset-commit.interceptor.js';
import { Publisher } from '../log/publisher.service.js';
import { ConsumerMetrics } from '../runtime/consumer-metrics.service.js';
import { ConsumerTimes } from '../runtime/consumer-times.service.js';
import { DatabaseMetrics } from '../runtime/database-metrics.service.js';
import { DeadLetterMetrics } from '../runtime/dead-letter-metrics.service.js';
import { DeadLetters } from '../ops/dead-letters/dead-letters.service.js';
import { DeadLettersController } from '../ops/dead-letters/dead-letters.controller.js';
import { Duties } from '../runtime/duties.js';
import { HealthController } from '../runtime/health.controller.js';
import { IDLE } from '../runtime/idle.js';
import { LagWatch } from '../runtime/lag-watch.service.js';
import { LagController } from '../ops/lag/lag.controller.js';
import { LeasedDuties } from '../runtime/leased-duties.service.js';
import { MetricsController } from '../runtime/metrics.controller.js';
import { Metrics } from '../runtime/metrics.service.js';
import { Offsets } from '../ops/offsets/offsets.service.js';
import { OffsetsController } from '../ops/offsets/offsets.controller.js';
import { OutboxWatch } from '../runtime/outbox-watch.service.js';
import { HttpModule } from '../http/http.module.js';
import { ConsumersController } from '../ops/partition-control/consumers.controller.js';
import { PartitionCommands } from '../ops/partition-control/partition-commands.service.js';
import { PartitionControl } from '../ops/partition-control/partition-control.service.js';
import { ProducerMetrics } from '../runtime/producer-metrics.service.js';
import { Readiness } from '../runtime/readiness.service.js';
import { RelayDuty } from '../runtime/relay-duty.service.js';
import { Secrets } from '../runtime/secrets.service.js';
import { TailController } from '../ops/tail/tail.controller.js';
import { TailService } from '../ops/tail/tail.service.js';
import { GrowthGuards } from '../runtime/partition-expansion-checks.service.js';
import { GrowthService } from '../ops/topics/partition-expansion.service.js';
import { TopicsController } from '../ops/topics/topics.controller.js';
import { TopicsService } from '../ops/topics/topics.service.js';
import { SelfAlarms } from '../runtime/self-alarms.service.js';

/** What is ready before Nest starts. */
export interface Platform {
  readonly config: Config;
  readonly database: Database;
  readonly eventLog: EventLog;
  /** True: nothing consumes and nobody does duties; only the API is asked. */
  readonly idle?: boolean;
}

/** What every room may ask for. */
const shared = [
  { provide: ExternalTopics, useClass: KafkaExternalTopics },
  { provide: Clusters, useClass: KafkaClusters },
  { provide: Duties, useExisting: LeasedDuties },
  AuditService,
  ConsumerWatch,
  Consumers,
  CursorRepository,
  GrowthGuards,
  PartitionPauseRepository,
  StoredStates,
  LagWatch,
  LeaseRepository,
  LeasedDuties,
  Metrics,
  OffsetCommitInterceptor,
  Publisher,
  Readiness,
  Secrets,
  SelfAlarms,
];

/** What works by itself, or only behind the API. */
const own = [
  Offsets,
  PartitionCommands,
  PartitionControl,
  DatabaseMetrics,
  DeadLetterMetrics,
  OutboxWatch,
  ConsumerMetrics,
  ConsumerTimes,
  DeadLetters,
  GrowthService,
  ProducerMetrics,
  TailService,
  TopicsService,
  RelayDuty,
];

const controllers = [
  ConsumersController,
  DeadLettersController,
  OffsetsController,
  HealthController,
  LagController,
  MetricsController,
  TailController,
  TopicsController,
];

/** The plumbing that every stage may ask for. */
@Global()
@Module({})
export class PlatformModule {
  static with({ config, database, eventLog: log, idle = false }: Platform): DynamicModule {
    const given = [
      { provide: Config, useValue: config },
      { provide: Database, useValue: database },
      { provide: EventLog, useValue: log },
      { provide: IDLE, useValue: idle },
    ];
    return {
      module: PlatformModule,
      imports: [HttpModule, TerminusModule.forRoot({ logger: false })],
      controllers,
      providers: [...given, ...shared, ...own],
      exports: [...given, ...shared],
    };
  }
}
