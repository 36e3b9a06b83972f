import { Controller } from '@nestjs/common';
import type { Batch } from '../log/consuming/batch.js';
import { Consume } from '../log/consuming/consume.decorator.js';
import { type ConvergedAlert, topics } from '../topics.js';
import { NoticeService } from './notice.service.js';

@Controller()
export class NoticeConsumer {
  constructor(private readonly notices: NoticeService) {}

  @Consume(topics.convergedAlerts, { group: 'notice' })
  async onConverged(batch: Batch<ConvergedAlert>): Promise<void> {
    await this.notices.receive(
      batch.records.map(({ message }) => message),
      Date.now(),
    );
  }
}
