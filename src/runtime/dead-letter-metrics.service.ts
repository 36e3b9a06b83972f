import { Injectable } from '@nestjs/common';
import { EventLog, type PartitionOffsets } from '../log/event-log.js';
import { PeriodicTask } from '../shared/periodic-task.js';
import { deadLetterTopic, topics } from '../topics.js';
import { Background } from './background.decorator.js';
import { Metrics } from './metrics.service.js';

/** Counts dead letters independently of scrapes, which must not wait for brokers. */
@Injectable()
export class DeadLetterMetrics {
  constructor(
    private readonly metrics: Metrics,
    private readonly eventLog: EventLog,
  ) {}

  @Background()
  counting(): PeriodicTask {
    return new PeriodicTask({ name: 'counting dead letter records', everyMs: 15_000, run: () => this.#look() });
  }

  async #look(): Promise<void> {
    const counts = await Promise.all(
      Object.values(topics).map(async ({ name }) => {
        const bounds = await this.#bounds(deadLetterTopic(name));
        return bounds.length > 0 ? [[{ topic: name }, bounds.reduce((sum, { low, high }) => sum + high - low, 0)] as const] : [];
      }),
    );
    this.metrics.set('tocsin_dead_letters', counts.flat());
  }

  /** Empty on failure, so the metrics have no value; other components report that the log is unavailable. */
  async #bounds(topic: string): Promise<PartitionOffsets[]> {
    try {
      return await this.eventLog.offsets(topic);
    } catch {
      return [];
    }
  }
}
