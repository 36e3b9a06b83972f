import { Controller, Logger } from '@nestjs/common';
import { Database } from '../../database/database.js';
import type { Batch } from '../../log/batch.js';
import { Consume } from '../../log/consume.decorator.js';
import { Metrics } from '../../ops/metrics.js';
import { type AlertStatusChange, topics } from '../../topics.js';
import { PushService } from './push.service.js';

@Controller()
export class PushConsumer {
  readonly #log = new Logger('push');

  constructor(
    private readonly pushes: PushService,
    private readonly database: Database,
    private readonly metrics: Metrics,
  ) {}

  @Consume(topics.alertStatus, { group: 'push' })
  async onChange(batch: Batch<AlertStatusChange>): Promise<void> {
    const late = await this.pushes.receive(
      batch.records.map(({ message }) => message),
      Date.now(),
    );
    if (late === 0) return;
    this.database.afterCommit(() => {
      this.metrics.increment('tocsin_pushes_total', { outcome: 'too_old' }, late);
      this.#log.warn(`not pushed: ${late} changes of alerts were older than MESSAGE_QUEUE_GIVE_UP_MS when they were read`);
    });
  }
}
