import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Duties } from '../../runtime/duties.js';
import { Metrics } from '../../runtime/metrics.service.js';
import { Readiness } from '../../runtime/readiness.service.js';
import { SelfAlarms } from '../../runtime/self-alarms.service.js';
import { DegradeService } from './degrade.service.js';
import type { DegradeSwitch } from './degrade.js';

/** How often (ms) switches that have expired are looked for. */
const ROUND_MS = 1000;

/** Sees to it that nobody overlooks a degrade switch: metrics, readiness, an alert of our own, and its end in the audit table. */
@Injectable()
export class DegradeWatch implements OnModuleInit {
  constructor(
    private readonly degrade: DegradeService,
    private readonly duties: Duties,
    private readonly metrics: Metrics,
    private readonly readiness: Readiness,
    private readonly alarms: SelfAlarms,
  ) {}

  onModuleInit(): void {
    this.duties.register('degrade', async (now) => {
      await this.degrade.expire(now);
      return ROUND_MS;
    });
    this.degrade.onRefresh(() => this.#report(Date.now()));
    this.readiness.show('degrade', () => {
      const active = this.degrade.active(Date.now());
      return { degraded: active.length > 0, ...(active.length > 0 && { switches: active.map(sentence) }) };
    });
    this.metrics.onCollect(() => {
      const dropped = this.degrade.dropped().map(({ source, by, count }) => [{ source, by }, count] as const);
      this.metrics.set('tocsin_access_degraded_events_total', dropped);
      const active = this.degrade.active(Date.now()).map(({ source }) => [{ source }, 1] as const);
      this.metrics.set('tocsin_access_degrade_switch', active);
    });
  }

  /** Every replica says the same; the one that speaks for all of them publishes it. */
  #report(now: number): void {
    const alarms = this.degrade
      .active(now)
      .map((each) => ({ name: 'TocsinDegradeSwitchActive', severity: 'warning' as const, labels: { source: each.source }, summary: sentence(each) }));
    this.alarms.report('degrade', alarms);
  }
}

/** A switch in words. */
function sentence({ source, drop_priority, keep, reason, set_by, expires_at }: DegradeSwitch): string {
  const what = [
    ...(drop_priority === null ? [] : [`events of priority ${drop_priority} and below are dropped`]),
    ...(keep === null ? [] : [`${Math.round(keep * 1000) / 10} % of the series are kept`]),
  ];
  const whom = source === '*' ? 'all sources' : source;
  return `${whom}: ${what.join(', ')} until ${new Date(expires_at).toISOString()}, set by ${set_by}: ${reason}`;
}
