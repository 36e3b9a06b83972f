import { Controller } from '@nestjs/common';
import type { Batch } from '../log/consuming/batch.js';
import { Consume } from '../log/consuming/consume.decorator.js';
import { PoisonError } from '../shared/errors.js';
import { type ConvergedAlert, topics } from '../topics.js';
import { isKey, NOT_A_KEY } from '../shared/key.js';
import { NoticeService } from './notice.service.js';

@Controller()
export class NoticeConsumer {
  constructor(private readonly notices: NoticeService) {}

  @Consume(topics.convergedAlerts, { group: 'notice' })
  async onConverged(batch: Batch<ConvergedAlert>): Promise<void> {
    for (const { message, offset } of batch.records) {
      if (!isKey(message.converge_id)) throw new PoisonError('T6007', `converge_id ${NOT_A_KEY}`, offset);
    }
    await this.notices.receive(
      batch.records.map(({ message }) => message),
      Date.now(),
    );
  }
}
