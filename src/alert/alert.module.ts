import { Module } from '@nestjs/common';
import { TimelineRepository } from '../database/timeline.repository.js';
import { AlertConsumer } from './alert.consumer.js';
import { AlertController } from './alert.controller.js';
import { AlertReader } from './alert.reader.js';
import { AlertRepository } from './alert.repository.js';
import { AlertService } from './alert.service.js';
import { OpenAlertExpansionCheck } from './partition-expansion-check.service.js';

/** The state of alerts: rows, timelines, and what people do with them. */
@Module({
  controllers: [AlertConsumer, AlertController],
  providers: [AlertReader, AlertRepository, AlertService, OpenAlertExpansionCheck, TimelineRepository],
  exports: [AlertReader],
})
export class AlertModule {}
