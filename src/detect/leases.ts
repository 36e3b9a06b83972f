import { canonical, identity } from '../shared/identity.js';
import type { ExternalAlert } from '../topics.js';
import { type AlertChange, alertDraft, type EmitAlert } from './alert-draft.js';
import { type Dimensions, dimensionText } from './conditions.js';
import { STILL_ABNORMAL_MS } from './points.js';
import { targetOf } from './target.js';

/** Time (ms) for which an ended key is remembered, so that a late resend does not get the id of an earlier alert. */
const REMEMBERED_MS = 3_600_000;

const severities: Readonly<Record<string, 1 | 3>> = Object.assign(Object.create(null) as Record<string, 1 | 3>, {
  ...Object.fromEntries(['critical', 'fatal', 'page', 'error', '1'].map((text) => [text, 1])),
  ...Object.fromEntries(['info', 'remind', 'notice', 'none', '3'].map((text) => [text, 3])),
});

/** The latest alert of one label set of an external sender. */
export interface AlertLease {
  readonly key: string;
  readonly business: string;
  readonly labels: Dimensions;
  readonly severity: 1 | 2 | 3;
  /** Sequence number of opening. */
  readonly order: number;
  readonly firstAnomaly: number;
  readonly begin: number;
  /** As the last message had them. */
  annotations: Dimensions;
  generatorUrl: string | undefined;
  transition: number;
  emittedAt: number;
  open: boolean;
  /** On the partition's clock. */
  end: number;
  /** The sender set endsAt explicitly. */
  explicit: boolean;
}

/** The alerts of external senders in one partition (docs/detect.md section 7). */
export class AlertLeases {
  /** By key, in order of opening. */
  readonly #leases = new Map<string, AlertLease>();
  #opened = 0;
  #open = 0;
  /** No lease can end before the clock reads `clock`, and none can be forgotten by a tick before `time`; keeps ticks cheap. */
  #due = { clock: Infinity, time: Infinity };
  /** Keys of leases that had a message or were forgotten since the latest checkpoint, and keys of leases whose end moved. */
  readonly changed = new Set<string>();
  readonly moved = new Set<string>();

  constructor(private readonly sourceInIdentity: boolean) {}

  get size(): number {
    return this.#leases.size;
  }

  /** Leases opened since the beginning. */
  get opened(): number {
    return this.#opened;
  }

  get open(): number {
    return this.#open;
  }

  /** In order of opening. */
  all(): Iterable<AlertLease> {
    return this.#leases.values();
  }

  /** Fills an empty memory from a checkpoint. */
  restore(leases: readonly AlertLease[], opened: number): void {
    this.#opened = opened;
    for (const lease of [...leases].sort((a, b) => a.order - b.order)) {
      this.#leases.set(lease.key, lease);
      if (lease.open) this.#open++;
    }
    this.#due = { clock: -Infinity, time: -Infinity };
  }

  apply(event: ExternalAlert, clock: number, emit: EmitAlert): void {
    const { labels, endsAt } = event.raw_data;
    const key = identity('external', event.bk_biz_id, canonical(labels), ...(this.sourceInIdentity ? [event.event_source] : []));
    const lease = this.#leases.get(key);
    const firing = endsAt > event.timestamp;
    if (lease?.open) {
      if (firing) this.#renew(lease, event, clock, emit);
      else if (endsAt > lease.begin) this.#resolve(lease, event, emit);
    } else if (firing) {
      this.#start(key, event, clock, lease, emit);
    }
  }

  /** Ends leases that expired on the partition's clock and forgets those that ended long before the tick, whose timestamp is `time`. */
  tick(clock: number, time: number, emit: EmitAlert): void {
    if (clock < this.#due.clock && time < this.#due.time) return;
    this.#due = { clock: Infinity, time: Infinity };
    for (const lease of this.#leases.values()) {
      if (lease.open && clock >= lease.end) this.#end(lease, 'lease_expired', time, emit);
      if (lease.open) {
        this.#due.clock = Math.min(this.#due.clock, lease.end);
      } else if (time - lease.emittedAt >= REMEMBERED_MS) {
        this.#leases.delete(lease.key);
        this.changed.add(lease.key);
      } else {
        this.#due.time = Math.min(this.#due.time, lease.emittedAt + REMEMBERED_MS);
      }
    }
  }

  #start(key: string, event: ExternalAlert, clock: number, previous: AlertLease | undefined, emit: EmitAlert): void {
    const { timestamp, raw_data } = event;
    const lease: AlertLease = {
      key,
      business: event.bk_biz_id,
      labels: raw_data.labels,
      severity: severities[dimensionText(raw_data.labels, 'severity')] ?? 2,
      order: this.#opened++,
      firstAnomaly: Math.max(timestamp, previous ? previous.firstAnomaly + 1 : 0),
      begin: raw_data.startsAt,
      annotations: raw_data.annotations,
      generatorUrl: raw_data.generatorURL,
      transition: 0,
      emittedAt: timestamp,
      open: true,
      ...leaseOf(event, clock),
    };
    // Deleted first, so that the order of the map is the order of opening.
    this.#leases.delete(key);
    this.#leases.set(key, lease);
    this.#open++;
    this.#due.clock = Math.min(this.#due.clock, lease.end);
    this.#emit(lease, { kind: 'fired', reason: 'fired_by_sender', time: timestamp }, emit);
  }

  #renew(lease: AlertLease, event: ExternalAlert, clock: number, emit: EmitAlert): void {
    const { end, explicit } = leaseOf(event, clock);
    if (!lease.explicit || lease.end <= end) {
      if (end !== lease.end || explicit !== lease.explicit) this.moved.add(lease.key);
      lease.end = end;
      lease.explicit = explicit;
      this.#due.clock = Math.min(this.#due.clock, end);
    }
    const { annotations } = event.raw_data;
    if (event.timestamp - lease.emittedAt < STILL_ABNORMAL_MS || sameTexts(annotations, lease.annotations)) return;
    this.#adopt(lease, event);
    this.#emit(lease, { kind: 'still_abnormal', reason: 'annotations_changed', time: event.timestamp }, emit);
  }

  #resolve(lease: AlertLease, event: ExternalAlert, emit: EmitAlert): void {
    this.#adopt(lease, event);
    this.#end(lease, 'resolved_by_sender', event.raw_data.endsAt, emit);
  }

  #adopt(lease: AlertLease, { raw_data: { annotations, generatorURL } }: ExternalAlert): void {
    lease.annotations = annotations;
    lease.generatorUrl = generatorURL ?? lease.generatorUrl;
  }

  #end(lease: AlertLease, reason: 'lease_expired' | 'resolved_by_sender', time: number, emit: EmitAlert): void {
    lease.open = false;
    this.#open--;
    this.#emit(lease, { kind: 'recovered', reason, time }, emit);
    this.#due.time = Math.min(this.#due.time, time + REMEMBERED_MS);
  }

  #emit(lease: AlertLease, change: Pick<AlertChange, 'kind' | 'reason' | 'time'>, emit: EmitAlert): void {
    const { key, labels, annotations, begin, severity, generatorUrl } = lease;
    const alert_name = dimensionText(labels, 'alertname');
    lease.transition++;
    lease.emittedAt = change.time;
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
    const description = dimensionText(annotations, 'summary') || dimensionText(annotations, 'description') || alert_name;
    emit(alertDraft(subject, { ...change, severity, value: null, description, anomaly_timestamps: [begin] }));
  }
}

/** End of the lease on the partition's clock, and whether the sender set it explicitly. */
function leaseOf({ timestamp, raw_data: { endsAt, timeout } }: ExternalAlert, clock: number): Pick<AlertLease, 'end' | 'explicit'> {
  return { end: clock + endsAt - timestamp, explicit: !timeout };
}

function sameTexts(a: Dimensions, b: Dimensions): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && a[name] === b[name]);
}
