import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { ChecksPartitionExpansion } from '../runtime/partition-expansion-check.decorator.js';
import { topics } from '../topics.js';
import { AlertReader } from './alert.reader.js';

/**
 * Detect keeps the state of an open alert in the partition of its raw events. When their key moves to another partition, the old one receives
 * no more events of the alert: it would never end, or its lease would expire although the sender renews it.
 */
@Injectable()
export class OpenAlertsCheck {
  constructor(
    private readonly alerts: AlertReader,
    private readonly config: Config,
  ) {}

  @ChecksPartitionExpansion(topics.rawEvents.name)
  async openAlerts(moves: (key: string) => boolean): Promise<string[]> {
    const open = await this.alerts.openByBusiness();
    // An alert does not store its event sources, so with that key every open alert may move.
    const moving = open.filter(({ business }) => this.config.PARTITION_KEY === 'event_source' || moves(business));
    const count = moving.reduce((sum, each) => sum + each.alerts, 0);
    if (count === 0) return [];
    const businesses = moving.map(({ business }) => business);
    const some = businesses.slice(0, 5).join(', ') + (businesses.length > 5 ? ', …' : '');
    return [
      `${count} open alerts of businesses that move to another partition (${some}) would never end automatically: close them (POST /api/v1/alerts/<id>/close; persistent problems fire again), or wait until they end`,
    ];
  }
}
