import { identity, canonical } from '../shared/identity.js';

/** Something that is wrong with Tocsin itself. Name and labels are its identity, so they must not hold what changes while it lasts. */
export interface SelfAlarm {
  /** The `alertname`, such as `TocsinConsumerLagHigh`. */
  readonly name: string;
  readonly severity: 'critical' | 'warning' | 'info';
  readonly labels: Readonly<Record<string, string>>;
  /** One sentence for people; may change while the alarm lasts. */
  readonly summary: string;
}

/**
 * Who can know of an alarm. `installation`: every replica reports the same, from what all can see, and one of them publishes it.
 * `replica`: only this replica knows, for it owns what the alarm is about, and publishes it itself.
 */
export type Scope = 'installation' | 'replica';

/** An alarm that is to be published: as a lease that holds, or, once it has ended, as resolved. */
export interface Notable {
  readonly key: string;
  readonly alarm: SelfAlarm;
  /** When it was reported first (epoch ms). */
  readonly since: number;
  /** When it was not reported any more. */
  readonly ended: number | undefined;
}

interface Entry {
  readonly key: string;
  readonly scope: Scope;
  alarm: SelfAlarm;
  since: number;
  ended: number | undefined;
  /** When its latest lease began; undefined when one is due. */
  told: number | undefined;
  /** The log may have a lease of it. */
  attempted: boolean;
  /** The log line of its present state was written. */
  noted: boolean;
}

/** What every reporter says, and who has been told: pure, with the time as argument. */
export class SelfAlarmBook {
  readonly #reporters = new Map<string, Map<string, Entry>>();

  /** `renewMs`: time between two publications of an alarm that lasts. */
  constructor(private readonly renewMs: number) {}

  /** Takes the full set of a reporter's alarms; true when there is something to publish at once. */
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

  /** Takes what is to be published now. `speaker`: whether this replica publishes for the installation. */
  take(now: number, speaker: boolean): Notable[] {
    const due = this.#mine(speaker).filter(({ key, ended, told }) =>
      ended === undefined ? told === undefined || now - told >= this.renewMs : !this.#active(key),
    );
    for (const entry of due) entry.attempted = true;
    return due.map(({ key, alarm, since, ended }) => ({ key, alarm, since, ended }));
  }

  /** Says that the log has what {@link take} answered at `at`. */
  published(notables: readonly Notable[], at: number): void {
    const done = new Set(notables.map(({ key, ended }) => `${key} ${ended}`));
    for (const entries of this.#reporters.values()) {
      for (const entry of entries.values()) {
        if (entry.ended === undefined && done.has(`${entry.key} undefined`)) entry.told = at;
        else if (entry.ended !== undefined && (done.has(`${entry.key} ${entry.ended}`) || this.#active(entry.key))) entries.delete(entry.key);
      }
    }
  }

  /** What begins or is over and was not answered before: for the log lines. */
  news(speaker: boolean): Notable[] {
    const news = this.#mine(speaker).filter(({ noted }) => !noted);
    for (const entry of news) entry.noted = true;
    return news;
  }

  /** Another replica publishes for the installation from now on: what it knows it will tell, and what it does not know runs out. */
  stepDown(): void {
    for (const entries of this.#reporters.values()) {
      for (const entry of entries.values()) {
        if (entry.scope !== 'installation') continue;
        if (entry.ended === undefined) Object.assign(entry, { told: undefined, attempted: false });
        else entries.delete(entry.key);
      }
    }
  }

  /** The alarms that last. */
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

/** All labels of the alert: two alarms with the same ones are the same. */
export function labelsOf({ name, severity, labels }: SelfAlarm): Record<string, string> {
  return { ...labels, alertname: name, severity };
}

const keyOf = (alarm: SelfAlarm): string => identity('self-alarm', canonical(labelsOf(alarm)));
