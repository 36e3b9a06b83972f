import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { CONFIG, type Config } from './config.js';
import { Database } from './database/database.js';
import { LeaseRepository } from './database/lease.repository.js';
import { ConsumerWatch } from './log/consumer-watch.js';
import { Consumers } from './log/consumers.js';
import { CursorRepository } from './log/cursor.repository.js';
import { Log } from './log/log.js';
import { OffsetCommitInterceptor } from './log/offset-commit.interceptor.js';
import { Publisher } from './log/publisher.js';
import { ConsumerMetrics } from './ops/consumer-metrics.js';
import { Duties } from './ops/duties.js';
import { HealthController } from './ops/health.controller.js';
import { IDLE } from './ops/idle.js';
import { LeasedDuties } from './ops/leased-duties.js';
import { MetricsController } from './ops/metrics.controller.js';
import { Metrics } from './ops/metrics.js';
import { Readiness } from './ops/readiness.js';
import { RelayDuty } from './ops/relay-duty.js';

/** What is ready before Nest starts. */
export interface Platform {
  readonly config: Config;
  readonly database: Database;
  readonly log: Log;
  /** True: nothing consumes and nobody does duties; only the API is asked. */
  readonly idle?: boolean;
}

/** The plumbing that every stage may ask for. */
@Global()
@Module({})
export class PlatformModule {
  static with({ config, database, log, idle = false }: Platform): DynamicModule {
    const shared = [
      { provide: CONFIG, useValue: config },
      { provide: Database, useValue: database },
      { provide: Log, useValue: log },
      { provide: IDLE, useValue: idle },
      ConsumerWatch,
      Consumers,
      CursorRepository,
      LeaseRepository,
      LeasedDuties,
      { provide: Duties, useExisting: LeasedDuties },
      Metrics,
      OffsetCommitInterceptor,
      Publisher,
    ];
    return {
      module: PlatformModule,
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [HealthController, MetricsController],
      providers: [...shared, ConsumerMetrics, Readiness, RelayDuty],
      exports: shared,
    };
  }
}
