import { canonical, identity } from '../shared/identity.js';
import type { ExternalAlert } from '../topics.js';
import { draft, type Emit, type Occasion } from './alert-draft.js';
import { type Dimensions, textOf } from './conditions.js';
import { STILL_ABNORMAL } from './points.js';
import { targetOf } from './target.js';

/** How long (ms) an ended key is remembered, so that a late resend does not get the id of an earlier alert. */
const REMEMBERED = 3_600_000;

const severities: Readonly<Record<string, 1 | 3>> = Object.assign(Object.create(null) as Record<string, 1 | 3>, {
  ...Object.fromEntries(['critical', 'fatal', 'page', 'error', '1'].map((text) => [text, 1])),
  ...Object.fromEntries(['info', 'remind', 'notice', 'none', '3'].map((text) => [text, 3])),
});

/** The latest alert of one label set of an external sender. */
export interface Lease {
  readonly key: string;
  readonly business: string;
  readonly labels: Dimensions;
  readonly severity: 1 | 2 | 3;
  /** Place in the order of opening. */
  readonly order: number;
  readonly firstAnomaly: number;
  readonly begin: number;
  /** As the last message had them. */
  annotations: Dimensions;
  generatorUrl: string | undefined;
  transition: number;
  told: number;
  open: boolean;
  /** On the partition's clock. */
  end: number;
  /** The sender named the end himself. */
  explicit: boolean;
}

/** The alerts of external senders in one partition (docs/detect.md section 7). */
export class Leases {
  /** By key, in order of opening. */
  readonly #leases = new Map<string, Lease>();
  #opened = 0;
  #open = 0;
  /** No lease can end before the clock reads this, and none be forgotten by a tick before that time; keeps ticks cheap. */
  #due = { clock: Infinity, time: Infinity };
  /** Keys whose lease was told about or forgotten, and keys whose end moved, since the latest checkpoint. */
  readonly changed = new Set<string>();
  readonly moved = new Set<string>();

  constructor(private readonly sourceBelongs: boolean) {}

  get size(): number {
    return this.#leases.size;
  }

  /** How many were ever opened. */
  get opened(): number {
    return this.#opened;
  }

  get open(): number {
    return this.#open;
  }

  /** In order of opening. */
  all(): Iterable<Lease> {
    return this.#leases.values();
  }

  /** Takes leases back from a snapshot. */
  restore(leases: readonly Lease[], opened: number): void {
    this.#opened = opened;
    for (const lease of [...leases].sort((a, b) => a.order - b.order)) {
      this.#leases.set(lease.key, lease);
      if (lease.open) this.#open++;
    }
    this.#due = { clock: -Infinity, time: -Infinity };
  }

  apply(event: ExternalAlert, clock: number, emit: Emit): void {
    const { labels, endsAt } = event.raw_data;
    const key = identity('external', event.bk_biz_id, canonical(labels), ...(this.sourceBelongs ? [event.event_source] : []));
    const lease = this.#leases.get(key);
    const firing = endsAt > event.timestamp;
    if (lease?.open) {
      if (firing) this.#renew(lease, event, clock, emit);
      else if (endsAt > lease.begin) this.#resolve(lease, event, emit);
    } else if (firing) {
      this.#start(key, event, clock, lease, emit);
    }
  }

  /** Ends what is over on the partition's clock and forgets what ended long before the tick, whose timestamp `time` is. */
  tick(clock: number, time: number, emit: Emit): void {
    if (clock < this.#due.clock && time < this.#due.time) return;
    this.#due = { clock: Infinity, time: Infinity };
    for (const lease of this.#leases.values()) {
      if (lease.open && clock >= lease.end) this.#end(lease, 'lease_expired', time, emit);
      if (lease.open) {
        this.#due.clock = Math.min(this.#due.clock, lease.end);
      } else if (time - lease.told >= REMEMBERED) {
        this.#leases.delete(lease.key);
        this.changed.add(lease.key);
      } else {
        this.#due.time = Math.min(this.#due.time, lease.told + REMEMBERED);
      }
    }
  }

  #start(key: string, event: ExternalAlert, clock: number, previous: Lease | undefined, emit: Emit): void {
    const { timestamp, raw_data } = event;
    const lease: Lease = {
      key,
      business: event.bk_biz_id,
      labels: raw_data.labels,
      severity: severities[textOf(raw_data.labels, 'severity')] ?? 2,
      order: this.#opened++,
      firstAnomaly: Math.max(timestamp, previous ? previous.firstAnomaly + 1 : 0),
      begin: raw_data.startsAt,
      annotations: raw_data.annotations,
      generatorUrl: raw_data.generatorURL,
      transition: 0,
      told: timestamp,
      open: true,
      ...leaseOf(event, clock),
    };
    // Deleted first, so that the order of the map is the order of opening.
    this.#leases.delete(key);
    this.#leases.set(key, lease);
    this.#open++;
    this.#due.clock = Math.min(this.#due.clock, lease.end);
    this.#tell(lease, { kind: 'fired', reason: 'fired_by_sender', time: timestamp }, emit);
  }

  #renew(lease: Lease, event: ExternalAlert, clock: number, emit: Emit): void {
    const { end, explicit } = leaseOf(event, clock);
    if (!lease.explicit || lease.end <= end) {
      if (end !== lease.end || explicit !== lease.explicit) this.moved.add(lease.key);
      lease.end = end;
      lease.explicit = explicit;
      this.#due.clock = Math.min(this.#due.clock, end);
    }
    const { annotations } = event.raw_data;
    if (event.timestamp - lease.told < STILL_ABNORMAL || sameTexts(annotations, lease.annotations)) return;
    this.#learn(lease, event);
    this.#tell(lease, { kind: 'still_abnormal', reason: 'annotations_changed', time: event.timestamp }, emit);
  }

  #resolve(lease: Lease, event: ExternalAlert, emit: Emit): void {
    this.#learn(lease, event);
    this.#end(lease, 'resolved_by_sender', event.raw_data.endsAt, emit);
  }

  #learn(lease: Lease, { raw_data: { annotations, generatorURL } }: ExternalAlert): void {
    lease.annotations = annotations;
    lease.generatorUrl = generatorURL ?? lease.generatorUrl;
  }

  #end(lease: Lease, reason: 'lease_expired' | 'resolved_by_sender', time: number, emit: Emit): void {
    lease.open = false;
    this.#open--;
    this.#tell(lease, { kind: 'recovered', reason, time }, emit);
    this.#due.time = Math.min(this.#due.time, time + REMEMBERED);
  }

  #tell(lease: Lease, occasion: Pick<Occasion, 'kind' | 'reason' | 'time'>, emit: Emit): void {
    const { key, labels, annotations, begin, severity, generatorUrl } = lease;
    const alert_name = textOf(labels, 'alertname');
    lease.transition++;
    lease.told = occasion.time;
    this.changed.add(key);
    const subject = {
      alert_id: identity(key, 0, lease.firstAnomaly),
      alert_key: key,
      transition: lease.transition,
      bk_biz_id: lease.business,
      strategy_id: 0,
      strategy_version: 0,
      strategy_name: '',
      alert_name,
      ...targetOf(labels),
      dimensions: labels,
      labels,
      annotations,
      metric: '',
      begin_time: begin,
      ...(generatorUrl !== undefined && { generator_url: generatorUrl }),
    };
    const description = textOf(annotations, 'summary') || textOf(annotations, 'description') || alert_name;
    emit(draft(subject, { ...occasion, severity, value: null, description, anomaly_timestamps: [begin] }));
  }
}

/** End of the lease on the partition's clock, and whether the sender named it. */
function leaseOf({ timestamp, raw_data: { endsAt, timeout } }: ExternalAlert, clock: number): Pick<Lease, 'end' | 'explicit'> {
  return { end: clock + endsAt - timestamp, explicit: !timeout };
}

function sameTexts(a: Dimensions, b: Dimensions): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && a[name] === b[name]);
}
