import { Injectable } from '@nestjs/common';
import { MetricCollector } from '../runtime/metric-collector.decorator.js';
import { Metrics } from '../runtime/metrics.service.js';
import { DetectService } from './detect.service.js';

/** Metrics of the folds of this replica. */
@Injectable()
export class DetectMetrics {
  constructor(
    private readonly metrics: Metrics,
    private readonly detect: DetectService,
  ) {}

  @MetricCollector()
  collect(): void {
    const folds = this.detect.folds().map(({ fold }) => fold);
    const sum = (value: (fold: (typeof folds)[number]) => number): number => folds.reduce((total, fold) => total + value(fold), 0);
    this.metrics.set('tocsin_detect_series', [[{}, sum(({ sizes }) => sizes.series)]]);
    this.metrics.set('tocsin_detect_open_alerts', [[{}, sum(({ sizes }) => sizes.openAlerts)]]);
    this.metrics.set(
      'tocsin_detect_events_total',
      (['events', 'repeated', 'observed', 'late', 'unmatched'] as const).map((outcome) => [{ outcome }, sum(({ counts }) => counts[outcome])]),
    );
  }
}
