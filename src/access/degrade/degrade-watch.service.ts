import { Injectable, type OnModuleInit } from '@nestjs/common';
import { LeaderTask } from '../../runtime/leader-task.decorator.js';
import { MetricCollector } from '../../runtime/metric-collector.decorator.js';
import { Metrics } from '../../runtime/metrics.service.js';
import { ReadinessDetail, type ReadinessState } from '../../runtime/readiness-detail.decorator.js';
import { SelfAlarms } from '../../runtime/self-alarms.service.js';
import { DegradeService } from './degrade.service.js';
import type { DegradeSwitch } from './degrade.js';

/** Interval (ms) at which expired switches are removed. */
const EXPIRY_MS = 1000;

/** Reports active degrade switches by metrics, readiness details and a self-alarm, and records their expiry in the audit table. */
@Injectable()
export class DegradeWatch implements OnModuleInit {
  constructor(
    private readonly degrade: DegradeService,
    private readonly metrics: Metrics,
    private readonly alarms: SelfAlarms,
  ) {}

  onModuleInit(): void {
    this.degrade.onRefresh(() => this.#report(Date.now()));
  }

  @LeaderTask('degrade')
  async expire(now: number): Promise<number> {
    await this.degrade.expire(now);
    return EXPIRY_MS;
  }

  @ReadinessDetail('degrade')
  detail(): ReadinessState {
    const active = this.degrade.active(Date.now());
    return { degraded: active.length > 0, ...(active.length > 0 && { switches: active.map(sentence) }) };
  }

  @MetricCollector()
  collect(): void {
    const dropped = this.degrade.dropped().map(({ source, by, count }) => [{ source, by }, count] as const);
    this.metrics.set('tocsin_access_degraded_events_total', dropped);
    const active = this.degrade.active(Date.now()).map(({ source }) => [{ source }, 1] as const);
    this.metrics.set('tocsin_access_degrade_switch', active);
  }

  /** All replicas report the same alarms; the leader publishes them. */
  #report(now: number): void {
    const alarms = this.degrade
      .active(now)
      .map((each) => ({ name: 'TocsinDegradeSwitchActive', severity: 'warning' as const, labels: { source: each.source }, summary: sentence(each) }));
    this.alarms.report('degrade', alarms);
  }
}

/** Describes a switch in one sentence. */
function sentence({ source, drop_priority, keep, reason, set_by, expires_at }: DegradeSwitch): string {
  const what = [
    ...(drop_priority === null ? [] : [`events of priority ${drop_priority} and below are dropped`]),
    ...(keep === null ? [] : [`${Math.round(keep * 1000) / 10} % of the series are kept`]),
  ];
  const whom = source === '*' ? 'all sources' : source;
  return `${whom}: ${what.join(', ')} until ${new Date(expires_at).toISOString()}, set by ${set_by}: ${reason}`;
}
