import { isDeepStrictEqual } from 'node:util';
import type { RuleSet, Strategy } from '../../src/detect/strategy.js';
import { canonical, identity } from '../../src/shared/identity.js';
import type { RawEvent } from '../../src/topics.js';
import { conditionsHold, textOf } from './conditions.js';
import { Journal, type ReferenceAlert, type ReferenceMessage } from './journal.js';
import { ReferenceLeases } from './leases.js';
import { decodeReferenceRecord, type PoisonReason } from './records.js';
import { aSeries, closeAll, closeForNoData, intervalOf, latenessOf, noDataClose, observe, type Observation, type Series } from './series.js';

const MAX_ADVANCE = 5_000;
const ID_GENERATION = 131_072;

/** The records of one partition of raw_events, oldest first, as read from the log. */
export interface PartitionHistory {
  readonly partition: number;
  readonly records: readonly { readonly offset: number; readonly value: Buffer | string | null }[];
}

export interface ReferenceOptions {
  /** Key of raw events in the deployment (setting PARTITION_KEY). */
  readonly identifyBy: 'bk_biz_id' | 'event_source';
  /** A larger record is poison (setting MAX_RECORD_BYTES). */
  readonly maxRecordBytes?: number;
}

/** An event that strategies can observe. */
type Measured = Exclude<RawEvent, { event_type: 'tick' | 'alert' }>;

/** A poison record, with its original bytes. */
export interface ReferencePoison {
  readonly partition: number;
  readonly offset: number;
  readonly reason: PoisonReason;
  readonly value: Buffer | string | null;
}

export interface Reference {
  /** Every message in order, partition by partition. */
  readonly messages: readonly ReferenceMessage[];
  readonly alerts: ReadonlyMap<string, ReferenceAlert>;
  readonly poison: readonly ReferencePoison[];
}

/**
 * The result of a sequential run over the log: a second implementation of docs/detect.md, slow and without optimisations.
 * `ruleSets` returns the rule set of a version. Throws when two alerts would get the same id.
 */
export function referenceAlerts(history: readonly PartitionHistory[], ruleSets: (version: number) => RuleSet, options: ReferenceOptions): Reference {
  const messages: ReferenceMessage[] = [];
  const alerts = new Map<string, ReferenceAlert>();
  const poison: ReferencePoison[] = [];
  for (const { partition, records } of history) {
    const journal = new Journal(partition);
    const run = new PartitionRun(journal, ruleSets, options.identifyBy === 'event_source');
    for (const { offset, value } of records) {
      const decoded = decodeReferenceRecord(value, options.maxRecordBytes);
      journal.offset = offset;
      if ('poison' in decoded) poison.push({ partition, offset, reason: decoded.poison, value });
      else decoded.events.forEach((event) => run.apply(event));
    }
    journal.messages.forEach((message) => messages.push(message));
    for (const alert of journal.alerts) {
      if (alerts.has(alert.alert_id)) throw new Error(`two alerts have the id ${alert.alert_id}`);
      alerts.set(alert.alert_id, alert);
    }
  }
  return { messages, alerts, poison };
}

/** The run over one partition. */
class PartitionRun {
  #clock = 0;
  /** Greatest timestamp of a tick. */
  #lastTick: number | undefined;
  #version = 0;
  /** The enabled strategies in order of their ids. */
  #strategies: readonly Strategy[] = [];
  /** By strategy id, then by the series' text, in order of first observation. */
  readonly #series = new Map<number, Map<string, Series>>();
  readonly #leases: ReferenceLeases;
  /** Section 1: the ids of this generation and of the one before it. */
  #ids = new Set<string>();
  #olderIds = new Set<string>();

  constructor(
    private readonly journal: Journal,
    private readonly ruleSets: (version: number) => RuleSet,
    private readonly sourceInIdentity: boolean,
  ) {
    this.#leases = new ReferenceLeases(journal, sourceInIdentity);
  }

  apply(event: RawEvent): void {
    if (event.event_type !== 'tick' && this.#repeats(event)) return;
    if (event.event_type === 'tick') this.#tick(event.timestamp, event.raw_data.rules_version);
    else if (event.event_type === 'alert') this.#leases.apply(event, this.#clock);
    else this.#observe(event);
  }

  #repeats({ bk_biz_id, event_source, event_id }: RawEvent): boolean {
    const id = JSON.stringify([bk_biz_id, event_source, event_id]);
    if (this.#ids.has(id) || this.#olderIds.has(id)) return true;
    if (this.#ids.size === ID_GENERATION) {
      this.#olderIds = this.#ids;
      this.#ids = new Set();
    }
    this.#ids.add(id);
    return false;
  }

  #observe(event: Measured): void {
    for (const strategy of this.#strategies) {
      const observation = observationOf(strategy, event);
      if (observation) observe(this.#seriesOf(strategy, event), strategy, observation, this.#clock, this.journal);
    }
  }

  #seriesOf(strategy: Strategy, event: Measured): Series {
    const ofStrategy = this.#series.get(strategy.id) ?? new Map<string, Series>();
    this.#series.set(strategy.id, ofStrategy);
    const source = this.sourceInIdentity ? [event.event_source] : [];
    const values = queryOf(strategy).dimensions.map((name) => [name, textOf(event.raw_data.dimensions, name)] as const);
    const text = JSON.stringify([...values, ...source]);
    const dimensions = Object.fromEntries(values);
    const series = ofStrategy.get(text) ?? aSeries(identity('alert', event.bk_biz_id, strategy.id, canonical(dimensions), ...source));
    ofStrategy.set(text, series);
    return series;
  }

  /** Sections 1, 5 and 6. */
  #tick(time: number, version: number): void {
    if (version > this.#version) this.#changeRules(this.ruleSets(version), time);
    const advance = time - (this.#lastTick ?? time);
    this.#clock += Math.min(Math.max(advance, 0), MAX_ADVANCE);
    this.#lastTick = Math.max(this.#lastTick ?? time, time);
    for (const strategy of this.#strategies) {
      for (const series of this.#series.get(strategy.id)?.values() ?? []) this.#silence(series, strategy, time);
    }
    this.#leases.tick(this.#clock, time);
  }

  /** Section 5, for one series. */
  #silence(series: Series, strategy: Strategy, time: number): void {
    const silent = this.#clock - series.touched;
    if (silent >= intervalOf(strategy) + latenessOf(strategy)) closeAll(series, strategy, this.journal);
    if (series.alert && silent >= noDataClose(strategy, series.alert.severity)) closeForNoData(series, time, this.journal);
  }

  #changeRules(next: RuleSet, time: number): void {
    for (const old of this.#strategies) {
      const successor = next.strategies.find(({ id }) => id === old.id);
      const reason = reasonToForget(old, successor);
      if (!reason) continue;
      for (const { alert } of this.#series.get(old.id)?.values() ?? []) {
        if (alert) this.journal.emit(alert, 'closed', { reason, time, value: null });
      }
      this.#series.delete(old.id);
    }
    this.#version = next.version;
    this.#strategies = next.strategies.filter(({ is_enabled }) => is_enabled).sort((a, b) => a.id - b.id);
  }
}

const queryOf = (strategy: Strategy) => strategy.items[0]!.queries[0]!;

/** Section 2: the observation that a strategy makes of an event, undefined when it makes none. */
function observationOf(strategy: Strategy, event: Measured): Observation | undefined {
  const { data_type, metric, conditions } = queryOf(strategy);
  if (strategy.bk_biz_id !== event.bk_biz_id || data_type !== event.event_type) return undefined;
  const [name, value] = nameAndValue(event);
  if (name !== metric || !conditionsHold(conditions, event.raw_data.dimensions)) return undefined;
  return { timestamp: event.timestamp, value };
}

function nameAndValue(event: Measured): [string, number] {
  if (event.event_type === 'metric') return [event.raw_data.metric, event.raw_data.value];
  return [event.event_type === 'event' ? event.raw_data.event_name : event.event_source, 1];
}

/** Section 6: why the series of a strategy cannot go on under the new rules; undefined when they can. */
function reasonToForget(old: Strategy, next: Strategy | undefined): string | undefined {
  if (!next) return 'strategy_deleted';
  if (!next.is_enabled) return 'strategy_disabled';
  return isDeepStrictEqual(shape(old), shape(next)) ? undefined : 'strategy_changed';
}

/** The parts of a strategy that must be equal for its series to go on. */
function shape({ bk_biz_id, items, detects }: Strategy): unknown {
  const levels = new Map(detects.map(({ level, trigger, recovery }) => [level, { trigger, recovery }]));
  return { bk_biz_id, query: items[0]!.queries[0], lateness: items[0]!.lateness, levels };
}
