import { Controller } from '@nestjs/common';
import type { Batch } from '../log/consuming/batch.js';
import { Consume } from '../log/consuming/consume.decorator.js';
import { PoisonError } from '../shared/errors.js';
import { type AlertEvent, topics } from '../topics.js';
import { ConvergeService } from './converge.service.js';
import { misfit } from './grouping.js';

@Controller()
export class ConvergeConsumer {
  constructor(private readonly converge: ConvergeService) {}

  @Consume(topics.alerts, { group: 'converge' })
  async onAlerts(batch: Batch<AlertEvent>): Promise<void> {
    for (const { message, offset } of batch.records) {
      const why = misfit(message);
      if (why) throw new PoisonError('T6007', why, offset);
    }
    await this.converge.apply(
      batch.records.map(({ message }) => message),
      Date.now(),
    );
  }
}
