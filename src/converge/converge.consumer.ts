import { Controller } from '@nestjs/common';
import type { Batch } from '../log/consuming/batch.js';
import { Consume } from '../log/consuming/consume.decorator.js';
import { type AlertEvent, topics } from '../topics.js';
import { ConvergeService } from './converge.service.js';

@Controller()
export class ConvergeConsumer {
  constructor(private readonly converge: ConvergeService) {}

  @Consume(topics.alerts, { group: 'converge' })
  async onAlerts(batch: Batch<AlertEvent>): Promise<void> {
    await this.converge.apply(
      batch.records.map(({ message }) => message),
      Date.now(),
    );
  }
}
