import type { StrategyInput } from '../../src/detect/strategy.js';
import { businesses, families, type Family, type Mood, strategyOf } from './families.js';
import { Moods } from './moods.js';
import { type PoisonRecord, poisonRecord } from './poison.js';
import { Random } from './random.js';
import { Senders, type SentAlerts } from './senders.js';

/** An event as a sender writes it. */
export interface SentEvent {
  readonly event_id: string;
  readonly event_type: 'metric' | 'event' | 'log';
  readonly bk_biz_id: string;
  readonly event_source: string;
  readonly timestamp: number;
  readonly raw_data: object;
}

/** A change of the rules: another body for a strategy, or its end. */
export interface RuleChange {
  readonly business: string;
  readonly name: string;
  readonly body: StrategyInput | null;
}

/** One thing that is done to the installation. Those of a round may be done in any order. */
export type Step =
  | { readonly kind: 'events'; readonly events: readonly SentEvent[] }
  | { readonly kind: 'alerts'; readonly alerts: SentAlerts }
  | { readonly kind: 'poison'; readonly record: PoisonRecord }
  | { readonly kind: 'rules'; readonly change: RuleChange };

export interface Round {
  /** Calms everything down, so that it comes to rest. */
  readonly closing: boolean;
  /** How much of what comes before the closing rounds is done after this one, from 0 to 1. */
  readonly share: number;
  readonly steps: readonly Step[];
}

export interface WorkloadOptions {
  readonly seed: number;
  /** Events in all, at least; those of the closing rounds always come. */
  readonly events: number;
  /** Time of the first event (epoch ms); a whole hour, in the past. */
  readonly start: number;
  /** Asked when so many events are sent: whether there is another round before the closing ones. */
  readonly goesOn?: () => boolean;
}

const EVENTS_PER_REQUEST = 300;
/** Enough for the longest trigger and recovery window. */
const CLOSING_ROUNDS = 12;
const LATE = 0.02;
const TWICE = 0.01;
const MISSING = 0.02;
const POISON = 0.6;
/** Rounds between two disasters that strike every ping of a business at once. */
const DISASTER_EVERY = 9;

interface Series {
  readonly family: Family;
  readonly business: string;
  readonly dimensions: Record<string, string>;
  readonly moods: Moods;
}

/** Everything that is sent, round by round, until the number of events is reached; then the closing rounds. Only the seed, the start and the number of rounds decide. */
export function* workload(options: WorkloadOptions): Generator<Round> {
  const crowd = new Crowd(options);
  const before = Math.max(1, options.events - crowd.closingEvents);
  for (let round = 0; crowd.sent < before || options.goesOn?.(); round++) {
    const steps = crowd.round(round, Math.min(1, crowd.sent / before));
    yield { closing: false, share: Math.min(1, crowd.sent / before), steps };
  }
  for (const round of crowd.closing()) yield round;
}

/** The rules at the beginning. */
export const firstRules = (): StrategyInput[] => businesses.flatMap((business) => families.map((family) => strategyOf(family, business)));

class Crowd {
  readonly #random: Random;
  readonly #series: readonly Series[];
  readonly #senders: Senders;
  /** Events that are held back, by the round in which they come. */
  readonly #late = new Map<number, SentEvent[]>();
  readonly #changes: { readonly share: number; readonly change: RuleChange }[];
  #numbered = 0;
  #rounds = 0;

  constructor(private readonly options: WorkloadOptions) {
    const { seed } = options;
    this.#random = Random.of(seed, 'workload');
    this.#series = allSeries(seed);
    this.#senders = new Senders(Random.of(seed, 'senders'), options.start);
    this.#changes = ruleChanges();
  }

  /** Events so far, those that are held back included; one that is sent twice is one. */
  get sent(): number {
    return this.#numbered;
  }

  /** Events of the closing rounds. */
  get closingEvents(): number {
    return CLOSING_ROUNDS * this.#series.length;
  }

  round(round: number, share: number): Step[] {
    this.#rounds = round + 1;
    if (round % DISASTER_EVERY === DISASTER_EVERY - 1) this.#disaster(this.#random.pick(businesses));
    const events = [...this.#take(round), ...this.#series.flatMap((series) => this.#reports(series, round))];
    const steps: Step[] = requests(events);
    steps.push(...this.#senders.round().map((alerts) => ({ kind: 'alerts', alerts }) as const));
    if (this.#random.chance(POISON)) steps.push({ kind: 'poison', record: poisonRecord(this.#random) });
    while (this.#changes[0] && this.#changes[0].share <= share) steps.push({ kind: 'rules', change: this.#changes.shift()!.change });
    return steps;
  }

  /** What was held back; then everybody is calm, in order and without gaps; at last the senders take their alerts back. */
  *closing(): Generator<Round> {
    yield { closing: false, share: 1, steps: requests([...this.#late.values()].flat()) };
    for (let round = this.#rounds; round < this.#rounds + CLOSING_ROUNDS; round++) {
      yield { closing: true, share: 1, steps: requests(this.#series.map((series) => this.#event(series, round, 'calm'))) };
    }
    yield { closing: true, share: 1, steps: this.#senders.farewell().map((alerts) => ({ kind: 'alerts', alerts })) };
  }

  #disaster(business: string): void {
    const rounds = this.#random.whole(4, 8);
    for (const series of this.#series) {
      if (series.business === business && series.family.name === 'ping') series.moods.strike('fatal', rounds);
    }
  }

  #take(round: number): SentEvent[] {
    const late = this.#late.get(round) ?? [];
    this.#late.delete(round);
    return late;
  }

  /** What a series sends in a round; some of it comes late, twice, or never. */
  #reports(series: Series, round: number): SentEvent[] {
    const random = this.#random;
    const mood = series.moods.next();
    if (random.chance(MISSING)) return [];
    const events = Array.from({ length: howMany(series.family, mood, random) }, () => this.#event(series, round, mood));
    if (random.chance(LATE)) {
      const due = round + random.whole(1, 4);
      this.#late.set(due, [...(this.#late.get(due) ?? []), ...events]);
      return [];
    }
    return random.chance(TWICE) ? [...events, ...events] : events;
  }

  #event({ family, business, dimensions }: Series, round: number, mood: Mood): SentEvent {
    const { metric, data_type: type = 'metric', interval = 1 } = family.query;
    const raw = {
      metric: () => ({ metric, value: family.value(mood, this.#random.next()), dimensions }),
      event: () => ({ event_name: metric, content: `${mood}`, dimensions }),
      log: () => ({ content: `${mood}`, level: 'error', dimensions }),
    }[type]();
    return {
      event_id: `c${this.options.seed}-${this.#numbered++}`,
      event_type: type,
      bk_biz_id: business,
      event_source: type === 'log' ? metric : 'chaos',
      timestamp: this.options.start + round * interval * 1000 + this.#random.whole(0, interval * 1000 - 1),
      raw_data: raw,
    };
  }
}

function allSeries(seed: number): Series[] {
  return businesses.flatMap((business) =>
    families.flatMap((family) =>
      Array.from({ length: family.series }, (_, index) => {
        const random = Random.of(seed, `${business} ${family.name} ${index}`);
        return { family, business, dimensions: family.dimensions(index), moods: new Moods(random, index) };
      }),
    ),
  );
}

/** A metric reports once; of events and logs the number is what counts. */
function howMany({ query }: Family, mood: Mood, random: Random): number {
  if (query.data_type === undefined) return 1;
  return { calm: random.whole(0, 1), warning: 2, fatal: 3 }[mood];
}

function requests(events: readonly SentEvent[]): Step[] {
  const steps: Step[] = [];
  for (let start = 0; start < events.length; start += EVENTS_PER_REQUEST) {
    steps.push({ kind: 'events', events: events.slice(start, start + EVENTS_PER_REQUEST) });
  }
  return steps;
}

/** A changed threshold, a deleted strategy, a changed trigger, one that is switched off and on again; by the share of events before it. */
function ruleChanges(): { share: number; change: RuleChange }[] {
  const [first, second, third, fourth] = businesses as [string, string, string, string];
  const change = (business: string, family: string, edit: (body: StrategyInput) => StrategyInput | null): RuleChange => {
    const body = strategyOf(
      families.find(({ name }) => name === family)!,
      business,
    );
    return { business, name: body.name, body: edit(body) };
  };
  return [
    {
      share: 0.25,
      change: change(first, 'cpu', (body) => ({ ...body, items: body.items.map((item) => ({ ...item, algorithms: stricter(item) })) })),
    },
    { share: 0.4, change: change(second, 'traffic', () => null) },
    { share: 0.55, change: change(third, 'ping', (body) => ({ ...body, detects: [{ level: 1, trigger: { count: 2, check_window: 4 } }] })) },
    { share: 0.65, change: change(fourth, 'disk', (body) => ({ ...body, is_enabled: false })) },
    { share: 0.8, change: change(fourth, 'disk', (body) => body) },
  ];
}

const stricter = ({ algorithms }: StrategyInput['items'][number]): typeof algorithms =>
  algorithms.map((algorithm) => ({
    ...algorithm,
    config: algorithm.config.map((all) => all.map((each) => ({ ...each, threshold: each.threshold - 1.5 }))),
  }));
