import { canonical, identity } from '../../src/shared/identity.js';
import type { ExternalAlert, Severity } from '../../src/topics.js';
import { textOf } from './conditions.js';
import { type Journal, lastMessageTime, type ReferenceAlert } from './journal.js';
import { STILL_ABNORMAL } from './series.js';

const FORGET_AFTER = 3_600_000;

/** The latest alert of one label set of an external sender. */
interface ReferenceLease {
  readonly alert: ReferenceAlert;
  readonly firstAnomaly: number;
  /** On the partition's clock. */
  end: number;
  /** True when the sender set endsAt explicitly. */
  explicit: boolean;
  /** As in its last message. */
  annotations: string;
}

/** Section 7: the alerts of external senders in one partition. */
export class ReferenceLeases {
  /** In order of opening. */
  readonly #leases = new Map<string, ReferenceLease>();

  constructor(
    private readonly journal: Journal,
    private readonly sourceInIdentity: boolean,
  ) {}

  apply(event: ExternalAlert, clock: number): void {
    const key = identity('external', event.bk_biz_id, canonical(event.raw_data.labels), ...(this.sourceInIdentity ? [event.event_source] : []));
    const lease = this.#leases.get(key);
    const firing = event.raw_data.endsAt > event.timestamp;
    if (lease?.alert.status === 'ABNORMAL') {
      if (firing) this.#renew(lease, event, clock);
      else this.#resolve(lease, event);
    } else if (firing) {
      this.#open(key, event, clock, lease);
    }
  }

  #open(key: string, event: ExternalAlert, clock: number, previous: ReferenceLease | undefined): void {
    const { timestamp } = event;
    const { startsAt, endsAt, timeout } = event.raw_data;
    const firstAnomaly = previous ? Math.max(timestamp, previous.firstAnomaly + 1) : timestamp;
    const facts = { alert_id: identity(key, 0, firstAnomaly), alert_key: key, strategy_id: 0, begin_time: startsAt, severity: severityOf(event) };
    const alert = this.journal.fire(facts, { time: timestamp });
    this.#leases.delete(key);
    this.#leases.set(key, { alert, firstAnomaly, end: clock + endsAt - timestamp, explicit: !timeout, annotations: annotationsOf(event) });
  }

  #renew(lease: ReferenceLease, event: ExternalAlert, clock: number): void {
    const { timestamp } = event;
    const { endsAt, timeout } = event.raw_data;
    const end = clock + endsAt - timestamp;
    if (!(lease.explicit && lease.end > end)) {
      lease.end = end;
      lease.explicit = !timeout;
    }
    const severity = severityOf(event);
    const annotations = annotationsOf(event);
    if (severity !== lease.alert.severity) this.journal.emit(lease.alert, 'severity_changed', { severity, time: timestamp });
    else if (annotations !== lease.annotations && timestamp - lastMessageTime(lease.alert) >= STILL_ABNORMAL)
      this.journal.emit(lease.alert, 'still_abnormal', { reason: 'annotations_changed', time: timestamp });
    else return;
    lease.annotations = annotations;
  }

  #resolve({ alert }: ReferenceLease, { raw_data: { endsAt } }: ExternalAlert): void {
    if (endsAt > alert.begin_time) this.journal.emit(alert, 'recovered', { reason: 'resolved_by_sender', time: endsAt });
  }

  tick(clock: number, time: number): void {
    for (const [key, { alert, end }] of [...this.#leases]) {
      if (alert.status === 'ABNORMAL' && clock >= end) this.journal.emit(alert, 'recovered', { reason: 'lease_expired', time });
      if (alert.status !== 'ABNORMAL' && time - lastMessageTime(alert) >= FORGET_AFTER) this.#leases.delete(key);
    }
  }
}

const annotationsOf = (event: ExternalAlert): string => canonical(event.raw_data.annotations);

function severityOf({ raw_data: { labels } }: ExternalAlert): Severity {
  const text = textOf(labels, 'severity');
  if (['critical', 'fatal', 'page', 'error', '1'].includes(text)) return 1;
  if (['info', 'remind', 'notice', 'none', '3'].includes(text)) return 3;
  return 2;
}
