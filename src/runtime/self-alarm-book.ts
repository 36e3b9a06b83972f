import { identity, canonical } from '../shared/identity.js';

/** A problem of Tocsin itself. Name and labels are its identity, so they must not contain anything that changes while it lasts. */
export interface SelfAlarm {
  /** The `alertname`, such as `TocsinConsumerLagHigh`. */
  readonly name: string;
  readonly severity: 'critical' | 'warning' | 'info';
  readonly labels: Readonly<Record<string, string>>;
  /** One sentence for operators; may change while the alarm lasts. */
  readonly summary: string;
}

/**
 * Replicas that can detect an alarm. `installation`: every replica reports the same, from shared state, and the leader publishes it.
 * `replica`: only this replica can detect it, because it owns the resource, and publishes it itself.
 */
export type Scope = 'installation' | 'replica';

/** An alarm to publish: as a lease while it is active, as resolved once it has ended. */
export interface Notable {
  readonly key: string;
  readonly alarm: SelfAlarm;
  /** When it was first reported (epoch ms). */
  readonly since: number;
  /** When it was no longer reported (epoch ms). */
  readonly ended: number | undefined;
}

interface Entry {
  readonly key: string;
  readonly scope: Scope;
  alarm: SelfAlarm;
  since: number;
  ended: number | undefined;
  /** When its lease was last published (epoch ms); undefined when it must be published now. */
  told: number | undefined;
  /** The log may contain a lease of it. */
  attempted: boolean;
  /** The log line for its present state has been written. */
  noted: boolean;
}

/** Reported alarms and their publication state. Pure, with the time as an argument. */
export class SelfAlarmBook {
  readonly #reporters = new Map<string, Map<string, Entry>>();

  /** `renewMs`: interval between two publications of an active alarm. */
  constructor(private readonly renewMs: number) {}

  /** Replaces the set of a reporter's alarms; returns true when something must be published at once. */
  report(reporter: string, alarms: readonly SelfAlarm[], scope: Scope, now: number): boolean {
    const entries = this.#reporters.get(reporter) ?? new Map<string, Entry>();
    this.#reporters.set(reporter, entries);
    const active = new Map(alarms.map((alarm) => [keyOf(alarm), alarm]));
    let changed = false;
    for (const [key, alarm] of active) {
      const known = entries.get(key);
      if (known?.ended === undefined && known) known.alarm = alarm;
      else {
        const fresh = { since: now, ended: undefined, told: undefined, noted: false };
        entries.set(key, { key, scope, alarm, attempted: known?.attempted ?? false, ...fresh });
        changed = true;
      }
    }
    for (const entry of entries.values()) {
      if (active.has(entry.key) || entry.ended !== undefined) continue;
      changed = true;
      if (entry.attempted) Object.assign(entry, { ended: now, noted: false });
      else entries.delete(entry.key);
    }
    return changed;
  }

  /** Returns the alarms that must be published now. The flag is true on the replica that publishes for the installation. */
  take(now: number, speaker: boolean): Notable[] {
    const due = this.#mine(speaker).filter(({ key, ended, told }) =>
      ended === undefined ? told === undefined || now - told >= this.renewMs : !this.#active(key),
    );
    for (const entry of due) entry.attempted = true;
    return due.map(({ key, alarm, since, ended }) => ({ key, alarm, since, ended }));
  }

  /** Marks the alarms that {@link take} returned at `at` as published. */
  published(notables: readonly Notable[], at: number): void {
    const done = new Set(notables.map(({ key, ended }) => `${key} ${ended}`));
    for (const entries of this.#reporters.values()) {
      for (const entry of entries.values()) {
        if (entry.ended === undefined && done.has(`${entry.key} undefined`)) entry.told = at;
        else if (entry.ended !== undefined && (done.has(`${entry.key} ${entry.ended}`) || this.#active(entry.key))) entries.delete(entry.key);
      }
    }
  }

  /** Returns alarms that have begun or ended since the last call, for the log lines. */
  news(speaker: boolean): Notable[] {
    const news = this.#mine(speaker).filter(({ noted }) => !noted);
    for (const entry of news) entry.noted = true;
    return news;
  }

  /** Another replica becomes the leader: it publishes the alarms that it detects itself, and the leases of all others expire. */
  stepDown(): void {
    for (const entries of this.#reporters.values()) {
      for (const entry of entries.values()) {
        if (entry.scope !== 'installation') continue;
        if (entry.ended === undefined) Object.assign(entry, { told: undefined, attempted: false });
        else entries.delete(entry.key);
      }
    }
  }

  /** The active alarms. */
  active(): SelfAlarm[] {
    return this.#entries().flatMap(({ alarm, ended }) => (ended === undefined ? [alarm] : []));
  }

  #mine(speaker: boolean): Entry[] {
    return this.#entries().filter(({ scope }) => speaker || scope === 'replica');
  }

  #active(key: string): boolean {
    return this.#entries().some((entry) => entry.key === key && entry.ended === undefined);
  }

  #entries(): Entry[] {
    return [...this.#reporters.values()].flatMap((entries) => [...entries.values()]);
  }
}

/** All labels of the alert, which are its identity. */
export function labelsOf({ name, severity, labels }: SelfAlarm): Record<string, string> {
  return { ...labels, alertname: name, severity };
}

const keyOf = (alarm: SelfAlarm): string => identity('self-alarm', canonical(labelsOf(alarm)));
