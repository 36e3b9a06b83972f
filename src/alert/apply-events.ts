import type { AlertEvent, AlertStatusChange } from '../topics.js';
import { type TimelineEntry } from '../database/timeline-table.js';
import { type Alert, type AlertState, type AlertUpdate, isOpen } from './alert.js';
import { applyEvent, type IgnoredByAlert, supersedeAlert } from './lifecycle.js';

/** The rows to write and the changes to publish after a batch of alert events. */
export interface AlertChanges {
  /** New alerts. */
  readonly created: readonly Alert[];
  /** Stored alerts that changed. */
  readonly changed: readonly AlertState[];
  readonly timeline: readonly TimelineEntry[];
  readonly changes: readonly AlertStatusChange[];
  readonly ignored: Readonly<Partial<Record<IgnoredByAlert, number>>>;
  /** Number of gaps in the transitions. */
  readonly gaps: number;
}

/** Applies the events in order to the stored alerts: every alert that an event names, and every open alert of the same key. */
export function applyEvents(stored: readonly AlertState[], events: readonly AlertEvent[], recordedAt: number): AlertChanges {
  const batch = new AlertBatch(stored);
  for (const event of events) batch.apply(event, recordedAt);
  return batch.changes();
}

class AlertBatch {
  readonly #stored: Map<string, AlertState>;
  readonly #changed = new Set<string>();
  readonly #created = new Map<string, Alert>();
  readonly #openByKey = new Map<string, string>();
  readonly #timeline: TimelineEntry[] = [];
  readonly #changes: AlertStatusChange[] = [];
  readonly #ignored: Partial<Record<IgnoredByAlert, number>> = {};
  #gaps = 0;

  constructor(stored: readonly AlertState[]) {
    this.#stored = new Map(stored.map((alert) => [alert.alert_id, alert]));
    for (const alert of stored) this.#index(alert);
  }

  apply(event: AlertEvent, recordedAt: number): void {
    const update = applyEvent(this.#find(event.alert_id), event, recordedAt);
    if ('ignored' in update) {
      this.#ignored[update.ignored] = (this.#ignored[update.ignored] ?? 0) + 1;
      return;
    }
    this.#closeOlderAlert(update.alert, event, recordedAt);
    this.#put(update);
  }

  #find(id: string): AlertState | Alert | undefined {
    return this.#created.get(id) ?? this.#stored.get(id);
  }

  /** At most one alert of a key is open: an older one whose end event is missing is closed first. */
  #closeOlderAlert(alert: AlertState, event: AlertEvent, recordedAt: number): void {
    const open = this.#openByKey.get(alert.alert_key);
    if (open !== undefined && open !== alert.alert_id && isOpen(alert)) this.#put(supersedeAlert(this.#find(open)!, event, recordedAt));
  }

  #put({ alert, timeline, changes }: AlertUpdate<AlertState | Alert>): void {
    if ('labels' in alert && !this.#stored.has(alert.alert_id)) {
      this.#created.set(alert.alert_id, alert);
    } else {
      this.#stored.set(alert.alert_id, alert);
      this.#changed.add(alert.alert_id);
    }
    this.#index(alert);
    this.#timeline.push(...timeline);
    this.#changes.push(...changes);
    if (timeline[0]?.what === 'gap') this.#gaps++;
  }

  #index(alert: AlertState): void {
    if (isOpen(alert)) this.#openByKey.set(alert.alert_key, alert.alert_id);
    else if (this.#openByKey.get(alert.alert_key) === alert.alert_id) this.#openByKey.delete(alert.alert_key);
  }

  changes(): AlertChanges {
    return {
      created: [...this.#created.values()],
      changed: [...this.#changed].map((id) => this.#stored.get(id)!),
      timeline: this.#timeline,
      changes: this.#changes,
      ignored: this.#ignored,
      gaps: this.#gaps,
    };
  }
}
