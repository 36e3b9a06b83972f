import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { CONFIG, type Config } from './config.js';
import { Database } from './database/database.js';
import { LeaseRepository } from './database/lease.repository.js';
import { Clusters } from './log/cluster.js';
import { ConsumerWatch } from './log/consumer-watch.js';
import { Consumers } from './log/consumers.js';
import { CursorRepository } from './log/cursor.repository.js';
import { HoldRepository } from './log/hold.repository.js';
import { StoredStates } from './log/stored-states.js';
import { ForeignTopics } from './log/foreign-topics.js';
import { KafkaForeignTopics } from './log/kafka/kafka-foreign-topics.js';
import { KafkaClusters } from './log/kafka/kafka-clusters.js';
import { Log } from './log/log.js';
import { OffsetCommitInterceptor } from './log/offset-commit.interceptor.js';
import { Publisher } from './log/publisher.js';
import { ConsumerMetrics } from './ops/consumer-metrics.js';
import { ConsumerTimes } from './ops/consumer-times.js';
import { DatabaseMetrics } from './ops/database-metrics.js';
import { DeadLetterMetrics } from './ops/dead-letter-metrics.js';
import { DeadLetters } from './ops/dead-letters/dead-letters.js';
import { DeadLettersController } from './ops/dead-letters/dead-letters.controller.js';
import { Duties } from './ops/duties.js';
import { HealthController } from './ops/health.controller.js';
import { IDLE } from './ops/idle.js';
import { LagWatch } from './ops/lag-watch.js';
import { LagController } from './ops/lag.controller.js';
import { LeasedDuties } from './ops/leased-duties.js';
import { MetricsController } from './ops/metrics.controller.js';
import { Metrics } from './ops/metrics.js';
import { Offsets } from './ops/offsets/offsets.js';
import { OffsetsController } from './ops/offsets/offsets.controller.js';
import { OutboxWatch } from './ops/outbox-watch.js';
import { ConsumersController } from './ops/partition-control/consumers.controller.js';
import { PartitionCommands } from './ops/partition-control/partition-commands.js';
import { PartitionControl } from './ops/partition-control/partition-control.js';
import { ProducerMetrics } from './ops/producer-metrics.js';
import { Readiness } from './ops/readiness.js';
import { RelayDuty } from './ops/relay-duty.js';
import { Secrets } from './ops/secrets.js';
import { TailController } from './ops/tail/tail.controller.js';
import { TailService } from './ops/tail/tail.service.js';
import { GrowthGuards } from './ops/topics/growth-guards.js';
import { GrowthService } from './ops/topics/growth.service.js';
import { TopicsController } from './ops/topics/topics.controller.js';
import { TopicsService } from './ops/topics/topics.service.js';
import { SelfAlarms } from './ops/self-alarms.js';

/** What is ready before Nest starts. */
export interface Platform {
  readonly config: Config;
  readonly database: Database;
  readonly log: Log;
  /** True: nothing consumes and nobody does duties; only the API is asked. */
  readonly idle?: boolean;
}

/** What every room may ask for. */
const shared = [
  { provide: ForeignTopics, useClass: KafkaForeignTopics },
  { provide: Clusters, useClass: KafkaClusters },
  { provide: Duties, useExisting: LeasedDuties },
  ConsumerWatch,
  Consumers,
  CursorRepository,
  GrowthGuards,
  HoldRepository,
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
  static with({ config, database, log, idle = false }: Platform): DynamicModule {
    const given = [
      { provide: CONFIG, useValue: config },
      { provide: Database, useValue: database },
      { provide: Log, useValue: log },
      { provide: IDLE, useValue: idle },
    ];
    return {
      module: PlatformModule,
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers,
      providers: [...given, ...shared, ...own],
      exports: [...given, ...shared],
    };
  }
}
