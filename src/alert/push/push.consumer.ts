import { Controller } from '@nestjs/common';
import type { Batch } from '../../log/batch.js';
import { Consume } from '../../log/consume.decorator.js';
import { type AlertStatusChange, topics } from '../../topics.js';
import { PushService } from './push.service.js';

@Controller()
export class PushConsumer {
  constructor(private readonly pushes: PushService) {}

  @Consume(topics.alertStatus, { group: 'push' })
  async onChange(batch: Batch<AlertStatusChange>): Promise<void> {
    await this.pushes.receive(
      batch.records.map(({ message }) => message),
      Date.now(),
    );
  }
}
