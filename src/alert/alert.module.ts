import { Module } from '@nestjs/common';
import { TimelineRepository } from '../database/timeline.repository.js';
import { LogModule } from '../log/log.module.js';
import { AlertConsumer } from './alert.consumer.js';
import { AlertController } from './alert.controller.js';
import { AlertReader } from './alert.reader.js';
import { AlertRepository } from './alert.repository.js';
import { AlertService } from './alert.service.js';
import { OpenAlertsCheck } from './partition-expansion-check.service.js';

/** The state of alerts: rows, timelines, and operators' commands. */
@Module({
  imports: [LogModule],
  controllers: [AlertController],
  providers: [AlertReader, AlertRepository, AlertService, OpenAlertsCheck, TimelineRepository],
  exports: [AlertReader, AlertService],
})
export class AlertModule {}

/** The consumer group of Alert. */
@Module({ imports: [LogModule, AlertModule], controllers: [AlertConsumer] })
export class AlertConsumerModule {}
