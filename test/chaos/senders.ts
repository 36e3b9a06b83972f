import { businesses } from './families.js';
import type { Random } from './random.js';

/** A request to the Alertmanager API, whose alerts say when they end counted from the moment at which they are sent. */
export interface SentAlerts {
  readonly business: string;
  /** Stands in an annotation of every alert of the request, so that it can be found in the log. */
  readonly mark: string;
  readonly alerts: readonly SentAlert[];
}

export interface SentAlert {
  readonly labels: Readonly<Record<string, string>>;
  /** Epoch ms. */
  readonly startsAt: number;
  /** Milliseconds from the sending to the end; not positive = resolved, undefined = not said. */
  readonly holds: number | undefined;
}

const NAMES = ['TargetDown', 'DiskFull', 'CertificateExpires'];
const SEVERITIES = ['critical', 'warning', 'info'];
const INSTANCES = 6;
const REQUESTS_PER_ROUND = 3;
const MOST_ALERTS = 5;

/** Other systems that send alerts of their own: they fire, are sent again, are resolved, or are forgotten and run out. */
export class Senders {
  #marks = 0;

  constructor(
    private readonly random: Random,
    private readonly start: number,
  ) {}

  /** The requests of one round. */
  round(): SentAlerts[] {
    return Array.from({ length: REQUESTS_PER_ROUND }, () => {
      const alerts = Array.from({ length: this.random.whole(1, MOST_ALERTS) }, () =>
        this.#alert(this.random.pick(NAMES), this.random.whole(0, INSTANCES - 1)),
      );
      return this.#request(this.random.pick(businesses), alerts);
    });
  }

  /** Everything is resolved. */
  farewell(): SentAlerts[] {
    return businesses.map((business) =>
      this.#request(
        business,
        NAMES.flatMap((name) => Array.from({ length: INSTANCES }, (_, instance) => ({ ...this.#alert(name, instance), holds: -1000 }))),
      ),
    );
  }

  #request(business: string, alerts: readonly SentAlert[]): SentAlerts {
    return { business, alerts, mark: `mark-${this.#marks++}` };
  }

  #alert(name: string, instance: number): SentAlert {
    const labels = { alertname: name, instance: `node-${instance}:9100`, severity: SEVERITIES[instance % SEVERITIES.length]! };
    return { labels, startsAt: this.start + instance, holds: this.#holds() };
  }

  #holds(): number | undefined {
    if (this.random.chance(0.4)) return -1000;
    return this.random.chance(0.2) ? undefined : this.random.whole(2, 20) * 1000;
  }
}
