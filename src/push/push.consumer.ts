import { Controller, Logger } from '@nestjs/common';
import type { Batch } from '../log/consuming/batch.js';
import { Consume } from '../log/consuming/consume.decorator.js';
import { Metrics } from '../runtime/metrics.service.js';
import { type AlertStatusChange, topics } from '../topics.js';
import { PushService } from './push.service.js';

@Controller()
export class PushConsumer {
  readonly #logger = new Logger('push');

  constructor(
    private readonly pushes: PushService,
    private readonly metrics: Metrics,
  ) {}

  @Consume(topics.alertStatus, { group: 'push' })
  async onChange(batch: Batch<AlertStatusChange>): Promise<void> {
    const changes = batch.records.map(({ message }) => message);
    await this.pushes.receive(changes, Date.now(), (tooOld) => this.#omitted(tooOld));
  }

  #omitted(tooOld: number): void {
    this.metrics.increment('tocsin_pushes_total', { outcome: 'too_old' }, tooOld);
    this.#logger.warn(`${tooOld} alert changes were discarded because they were older than MESSAGE_QUEUE_MAX_AGE_MS`);
  }
}
