import { Injectable } from '@nestjs/common';
import { MetricCollector } from '../runtime/metric-collector.decorator.js';
import { Metrics } from '../runtime/metrics.service.js';
import { PublicationService } from './publication.service.js';

/** Exports the counts of ingested events by result. */
@Injectable()
export class AccessMetrics {
  constructor(
    private readonly metrics: Metrics,
    private readonly publication: PublicationService,
  ) {}

  @MetricCollector()
  collect(): void {
    const { accepted, rejected, refused, dropped, clamped, pending } = this.publication.counts;
    const results = { accepted, rejected, refused, dropped, clamped: { future: clamped } };
    this.metrics.set(
      'tocsin_access_events_total',
      Object.entries(results).flatMap(([result, counts]) => Object.entries(counts).map(([detail, count]) => [{ result, detail }, count] as const)),
    );
    this.metrics.set('tocsin_access_pending_events', [[{}, pending]]);
  }
}
