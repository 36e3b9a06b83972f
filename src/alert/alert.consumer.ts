import { Controller } from '@nestjs/common';
import type { Batch } from '../log/consuming/batch.js';
import { Consume } from '../log/consuming/consume.decorator.js';
import { type AlertEvent, topics } from '../topics.js';
import { AlertService } from './alert.service.js';

@Controller()
export class AlertConsumer {
  constructor(private readonly alerts: AlertService) {}

  @Consume(topics.alerts, { group: 'alert' })
  async onAlerts(batch: Batch<AlertEvent>): Promise<void> {
    await this.alerts.apply(
      batch.records.map(({ message }) => message),
      Date.now(),
    );
  }
}
