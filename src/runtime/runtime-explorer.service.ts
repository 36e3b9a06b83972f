import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Discovery } from '../shared/discovery.service.js';
import { metricCollector } from './metric-collector.decorator.js';
import { Metrics } from './metrics.service.js';
import { partitionExpansionCheck } from './partition-expansion-check.decorator.js';
import { PartitionExpansionChecks } from './partition-expansion-checks.service.js';
import { readinessDetail } from './readiness-detail.decorator.js';
import { Readiness } from './readiness.service.js';

/** Discovers the metric collectors, readiness details and partition expansion checks that modules declare by decorator. */
@Injectable()
export class RuntimeExplorer implements OnApplicationBootstrap {
  constructor(
    private readonly discovery: Discovery,
    private readonly metrics: Metrics,
    private readonly readiness: Readiness,
    private readonly checks: PartitionExpansionChecks,
  ) {}

  onApplicationBootstrap(): void {
    for (const { call } of this.discovery.methods(metricCollector)) this.metrics.onCollect(call);
    for (const [name, { call }] of this.discovery.named(readinessDetail, (name) => name)) this.readiness.show(name, call);
    for (const { metadata: topic, call } of this.discovery.methods(partitionExpansionCheck)) this.checks.add(topic, call);
  }
}
