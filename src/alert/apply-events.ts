import type { AlertEvent, AlertStatusChange } from '../topics.js';
import { type TimelineEntry } from '../database/timeline-table.js';
import { type Alert, type AlertState, type Effect, isOpen } from './alert.js';
import { apply, type Ignored, supersede } from './lifecycle.js';

/** What a batch makes of the alert table. */
export interface Ledger {
  /** Alerts that the table does not have yet. */
  readonly created: readonly Alert[];
  /** Stored alerts that are different now. */
  readonly changed: readonly AlertState[];
  readonly timeline: readonly TimelineEntry[];
  readonly changes: readonly AlertStatusChange[];
  readonly ignored: Readonly<Partial<Record<Ignored, number>>>;
  /** How many times messages were missing. */
  readonly gaps: number;
}

/** Applies the messages in order to the stored alerts, which hold every one that a message names and every open one of its key. */
export function post(stored: readonly AlertState[], events: readonly AlertEvent[], recordedAt: number): Ledger {
  const page = new Page(stored);
  for (const event of events) page.post(event, recordedAt);
  return page.ledger();
}

class Page {
  readonly #stored: Map<string, AlertState>;
  readonly #changed = new Set<string>();
  readonly #created = new Map<string, Alert>();
  readonly #openByKey = new Map<string, string>();
  readonly #timeline: TimelineEntry[] = [];
  readonly #changes: AlertStatusChange[] = [];
  readonly #ignored: Partial<Record<Ignored, number>> = {};
  #gaps = 0;

  constructor(stored: readonly AlertState[]) {
    this.#stored = new Map(stored.map((alert) => [alert.alert_id, alert]));
    for (const alert of stored) this.#note(alert);
  }

  post(event: AlertEvent, recordedAt: number): void {
    const effect = apply(this.#find(event.alert_id), event, recordedAt);
    if ('ignored' in effect) {
      this.#ignored[effect.ignored] = (this.#ignored[effect.ignored] ?? 0) + 1;
      return;
    }
    this.#makeRoom(effect.alert, event, recordedAt);
    this.#record(effect);
  }

  #find(id: string): AlertState | Alert | undefined {
    return this.#created.get(id) ?? this.#stored.get(id);
  }

  /** At most one alert of a key is open: an older one that never heard of its end is closed first. */
  #makeRoom(alert: AlertState, event: AlertEvent, recordedAt: number): void {
    const open = this.#openByKey.get(alert.alert_key);
    if (open !== undefined && open !== alert.alert_id && isOpen(alert)) this.#record(supersede(this.#find(open)!, event, recordedAt));
  }

  #record({ alert, timeline, changes }: Effect<AlertState | Alert>): void {
    if ('labels' in alert && !this.#stored.has(alert.alert_id)) {
      this.#created.set(alert.alert_id, alert);
    } else {
      this.#stored.set(alert.alert_id, alert);
      this.#changed.add(alert.alert_id);
    }
    this.#note(alert);
    this.#timeline.push(...timeline);
    this.#changes.push(...changes);
    if (timeline[0]?.what === 'gap') this.#gaps++;
  }

  #note(alert: AlertState): void {
    if (isOpen(alert)) this.#openByKey.set(alert.alert_key, alert.alert_id);
    else if (this.#openByKey.get(alert.alert_key) === alert.alert_id) this.#openByKey.delete(alert.alert_key);
  }

  ledger(): Ledger {
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
