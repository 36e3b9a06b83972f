import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Config } from '../../config.js';
import { type AuditObject, AuditService } from '../../database/audit.service.js';
import { Database } from '../../database/database.client.js';
import { Background } from '../../runtime/background.decorator.js';
import { type Actor, system } from '../../shared/actor.js';
import { TocsinError } from '../../shared/errors.js';
import { PeriodicTask } from '../../shared/periodic-task.js';
import type { RawEvent } from '../../topics.js';
import { type DegradeSwitch, readSwitch, shed, type Shed, type SwitchBody } from './degrade.js';
import { DegradeRepository } from './degrade.repository.js';

/** Interval (ms) at which every replica reads the switches. */
const POLL_MS = 1000;
/** Maximum number of sources whose drops are counted separately; all others share one count. */
const MAX_COUNTED_SOURCES = 500;

/** A switch with the number of events it dropped. */
export interface DegradeSwitchStatus extends DegradeSwitch {
  /** Events dropped by this replica since it started. */
  readonly dropped: number;
}

/** Degrade switches: temporary, visible load shedding on all replicas. */
@Injectable()
export class DegradeService implements OnApplicationBootstrap {
  /** Drops by source of the switch and criterion. */
  readonly #dropped = new Map<string, { readonly source: string; readonly by: Shed['by']; count: number }>();
  #switches: readonly DegradeSwitch[] = [];
  #lastRequested = 0;
  #lastApplied = 0;
  #refreshed: () => void = () => undefined;

  constructor(
    private readonly database: Database,
    private readonly repository: DegradeRepository,
    private readonly audit: AuditService,
    private readonly config: Config,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.refresh();
  }

  @Background()
  polling(): PeriodicTask {
    return new PeriodicTask({ name: 'reading the degrade switches', everyMs: POLL_MS, run: () => this.#read(), logger: new Logger('degrade') });
  }

  /**
   * Returns why an event is dropped, or undefined, and counts the drop. `source` is the declared source that sent the event, if any;
   * switches that name its `event_source` apply too.
   */
  check(source: string | undefined, event: RawEvent, now = Date.now()): Shed | undefined {
    if (this.#switches.length === 0) return undefined;
    const verdict = shed(this.#switches, source === undefined ? [event.event_source] : [source, event.event_source], event, now);
    if (verdict) this.#count(verdict);
    return verdict;
  }

  /** `listener` is called after every read of the switches. */
  onRefresh(listener: () => void): void {
    this.#refreshed = listener;
  }

  /** The active switches, as last read by this replica. */
  active(now: number): DegradeSwitch[] {
    return this.#switches.filter(({ expires_at }) => expires_at > now);
  }

  /** Events that the switches have dropped at this replica. */
  dropped(): readonly { readonly source: string; readonly by: Shed['by']; readonly count: number }[] {
    return [...this.#dropped.values()];
  }

  async list(now: number): Promise<DegradeSwitchStatus[]> {
    const switches = await this.repository.all();
    return switches.filter(({ expires_at }) => expires_at > now).map((each) => this.#statusOf(each));
  }

  /** Sets the switch of a source and replaces an existing one. Throws {@link TocsinError} T1303. */
  async set(source: string, body: SwitchBody, actor: Actor, now: number): Promise<DegradeSwitchStatus> {
    const one = readSwitch(source, body, { now, by: actor.name, longest: this.config.DEGRADE_MAX_MS });
    await this.database.transaction(async () => {
      await this.repository.put(one);
      await this.audit.record({ actor, action: 'degrade.set', object: objectOf(source), why: one.reason, after: one }, now);
    });
    await this.refresh();
    return this.#statusOf(one);
  }

  /** Throws {@link TocsinError} T1304 when none is set. */
  async clear(source: string, actor: Actor, now: number): Promise<void> {
    await this.database.transaction(async () => {
      if (!(await this.repository.remove(source))) throw new TocsinError('T1304', source);
      await this.audit.record({ actor, action: 'degrade.cleared', object: objectOf(source) }, now);
    });
    await this.refresh();
  }

  /** Removes expired switches and records each in the audit table; if several replicas try, one succeeds. */
  async expire(now: number): Promise<void> {
    for (const { source, expires_at, reason } of await this.repository.all()) {
      if (expires_at > now) continue;
      await this.database.transaction(async () => {
        if (await this.repository.expire(source, now))
          await this.audit.record(
            {
              actor: system(this.config.INSTANCE_ID),
              action: 'degrade.expired',
              object: objectOf(source),
              why: reason,
              before: { expires_at },
            },
            now,
          );
      });
    }
  }

  /** Reads the switches. While the database is unavailable, the last known switches apply until they expire. */
  async refresh(): Promise<void> {
    await this.#read().catch(() => undefined);
  }

  async #read(): Promise<void> {
    const requested = ++this.#lastRequested;
    const switches = await this.repository.all();
    // Overlapping reads may complete out of order; an older result must not replace a newer one.
    if (requested < this.#lastApplied) return;
    this.#lastApplied = requested;
    this.#switches = switches;
    this.#refreshed();
  }

  #statusOf(one: DegradeSwitch): DegradeSwitchStatus {
    const counts = this.dropped().filter(({ source }) => source === one.source);
    return { ...one, dropped: counts.reduce((sum, { count }) => sum + count, 0) };
  }

  #count({ source, by }: Shed): void {
    const key = `${by} ${source}`;
    const known = this.#dropped.get(key);
    if (known) known.count++;
    else if (this.#dropped.size < MAX_COUNTED_SOURCES) this.#dropped.set(key, { source, by, count: 1 });
    else this.#dropped.set(`${by} others`, { source: 'others', by, count: (this.#dropped.get(`${by} others`)?.count ?? 0) + 1 });
  }
}

const objectOf = (source: string): AuditObject => ({ kind: 'degrade', id: source });
