import { Module } from '@nestjs/common';
import { Config } from '../config.js';
import { Database } from '../database/database.client.js';
import { DecoratorsModule } from '../shared/discovery.module.js';
import { ConsumerGroups } from './consuming/consumer-groups.service.js';
import { ConsumerWatch } from './consuming/consumer-watch.service.js';
import { Consumers } from './consuming/consumers.service.js';
import { OffsetCommitInterceptor } from './consuming/offset-commit.interceptor.js';
import { PartitionPauseRepository } from './consuming/partition-pause.repository.js';
import { PauseService } from './consuming/pause.service.js';
import { StoredStates } from './consuming/stored-states.service.js';
import { CursorRepository } from './cursor.repository.js';
import { eventLogOf } from './event-log.client.js';
import { EventLog } from './event-log.js';
import { Publisher } from './publisher.service.js';

const shared = [
  ConsumerGroups,
  ConsumerWatch,
  Consumers,
  CursorRepository,
  PartitionPauseRepository,
  PauseService,
  OffsetCommitInterceptor,
  Publisher,
  StoredStates,
];

/** The event log of this installation: publishing, consuming, cursors. The command that starts the process connects and closes it. */
@Module({
  imports: [DecoratorsModule],
  providers: [...shared, { provide: EventLog, useFactory: eventLogOf, inject: [Config, Database] }],
  exports: [...shared, EventLog],
})
export class LogModule {}
