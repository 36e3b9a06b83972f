import fc from 'fast-check';
import type { Level, Strategy, StrategyInput } from '../../src/detect/strategy.js';
import type { RawEvent } from '../../src/topics.js';
import { aLogLine, aMetric, anEvent, anExternalAlert, aStrategy, aTick, NOON } from '../support/builders.js';

/** A short history of one partition, and the rule sets that its ticks name. */
export interface RandomHistory {
  readonly identifyBy: 'bk_biz_id' | 'event_source';
  /** Rule sets 1, 2, 3 … */
  readonly ruleSets: readonly (readonly Strategy[])[];
  readonly events: readonly RawEvent[];
}

const oneOf = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

const comparison = oneOf<'gt' | 'gte' | 'lt' | 'lte' | 'eq' | 'neq'>('gt', 'gte', 'lt', 'lte', 'eq', 'neq');
const limit = oneOf(0, 1, 2, 2.5, 3);
const algorithm = (level: Level) =>
  fc.record({
    level: fc.constant(level),
    type: fc.constant('Threshold' as const),
    config: fc.array(fc.array(fc.record({ method: comparison, threshold: limit }), { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 2 }),
  });

/** Mostly "above a limit", so that alerts come and go; the odd ones for the algorithms' sake. */
const algorithmsOf = (level: Level) =>
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc
        .record({
          level: fc.constant(level),
          type: fc.constant('Threshold' as const),
          config: limit.map((at) => [[{ method: 'gt' as const, threshold: at }]]),
        })
        .map((each) => [each]),
    },
    { weight: 1, arbitrary: fc.array(algorithm(level), { minLength: 1, maxLength: 2 }) },
  );

const window = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 5 }) },
  { weight: 1, arbitrary: oneOf(31, 32, 33, 40, 64, 100, 400, 1024) },
);
const trigger = window.chain((check_window) =>
  fc.record({ check_window: fc.constant(check_window), count: fc.integer({ min: 1, max: Math.min(check_window, 5) }) }),
);
const recovery = fc.record({ check_window: fc.integer({ min: 1, max: 4 }), status_setter: oneOf<'recovery' | 'close'>('recovery', 'close') });
const detectOf = (level: Level) => fc.record({ level: fc.constant(level), connector: oneOf<'and' | 'or'>('and', 'or'), trigger, recovery });

const condition = fc.record({
  key: oneOf('host', 'disk', 'port', 'toString'),
  method: oneOf<'eq' | 'neq' | 'gt' | 'gte' | 'lt' | 'lte' | 'include' | 'exclude'>('eq', 'neq', 'gt', 'gte', 'lt', 'lte', 'include', 'exclude'),
  value: fc.array(oneOf('a', 'b', 'ab', '', '80', '443', ' 80 ', '0x50', '1e2', 'Infinity'), { minLength: 1, maxLength: 2 }),
  condition: oneOf<'and' | 'or'>('and', 'or'),
});

const named = fc.oneof(
  { weight: 10, arbitrary: fc.record({ data_type: fc.constant('metric' as const), metric: oneOf('cpu', 'cpu', 'cpu', 'cpu', 'mem') }) },
  { weight: 1, arbitrary: fc.constant({ data_type: 'event' as const, metric: 'reboot' }) },
  { weight: 1, arbitrary: fc.constant({ data_type: 'log' as const, metric: 'source-1' }) },
);
const query = fc.record({
  aggregation: oneOf<'AVG' | 'SUM' | 'MIN' | 'MAX' | 'COUNT' | 'LAST'>('AVG', 'SUM', 'MIN', 'MAX', 'COUNT', 'LAST'),
  interval: oneOf(1, 2, 5, 5, 7, 10, 10, 30, 60, 400),
  dimensions: oneOf<string[]>([], ['host'], ['host'], ['disk', 'host'], ['host', 'toString']),
  conditions: fc.oneof(
    { weight: 5, arbitrary: fc.array(condition, { maxLength: 0 }) },
    { weight: 1, arbitrary: fc.array(condition, { minLength: 1, maxLength: 3 }) },
  ),
});

const body: fc.Arbitrary<StrategyInput> = fc.subarray([1, 2, 3] as Level[], { minLength: 1 }).chain((levels) =>
  fc
    .record({
      query: fc.tuple(query, named).map(([rest, name]) => ({ ...rest, ...name })),
      lateness: oneOf(0, 0, 1, 5, 10, 30, 3600),
      algorithms: fc.tuple(...levels.map(algorithmsOf)).map((lists) => lists.flat()),
      detects: fc.tuple(...levels.map(detectOf)).chain((each) => fc.shuffledSubarray(each, { minLength: each.length })),
      business: oneOf('2', '2', '2', '2', '2', '2', '3'),
      enabled: oneOf(true, true, true, true, true, true, true, true, false),
    })
    .map(({ query: only, lateness, algorithms, detects, business, enabled }) => ({
      name: 'random',
      bk_biz_id: business,
      is_enabled: enabled,
      items: [{ queries: [only], lateness, algorithms }],
      detects,
    })),
);

/** What one change of the rules does to one strategy. */
type Change =
  'delete' | 'disable' | 'enable' | 'rename' | 'limits' | 'connector' | 'order' | 'lateness' | 'recovery' | 'conditions' | 'business' | 'replace';
const change = fc.record({
  which: fc.nat({ max: 2 }),
  what: oneOf<Change>(
    'delete',
    'disable',
    'enable',
    'enable',
    'rename',
    'limits',
    'limits',
    'connector',
    'order',
    'lateness',
    'recovery',
    'conditions',
    'business',
    'replace',
  ),
  body,
});
type RuleChange = typeof change extends fc.Arbitrary<infer T> ? T : never;

function changed(old: Strategy, { what, body: other }: RuleChange, version: number): Strategy {
  const item = old.items[0]!;
  const query_ = item.queries[0]!;
  const next = (fields: Partial<Strategy>): Strategy => ({ ...old, version, ...fields });
  switch (what) {
    case 'disable':
    case 'enable':
      return next({ is_enabled: what === 'enable' });
    case 'limits':
      return next({
        items: [{ ...item, algorithms: old.detects.map(({ level }) => ({ level, type: 'Threshold', config: [[{ method: 'gte', threshold: 2 }]] })) }],
      });
    case 'connector':
      return next({ detects: old.detects.map((each) => ({ ...each, connector: each.connector === 'and' ? 'or' : 'and' })) });
    case 'order':
      return next({ detects: [...old.detects].reverse() });
    case 'lateness':
      return next({ items: [{ ...item, lateness: item.lateness + 1 }] });
    case 'recovery':
      return next({
        detects: old.detects.map((each) => ({ ...each, recovery: { ...each.recovery, check_window: each.recovery.check_window + 1 } })),
      });
    case 'conditions':
      return next({ items: [{ ...item, queries: [{ ...query_, conditions: [] }] }] });
    case 'business':
      return next({ bk_biz_id: old.bk_biz_id === '2' ? '3' : '2' });
    case 'replace':
      return aStrategy({ ...other, id: old.id, version });
    default:
      return next({ name: 'renamed' });
  }
}

/** A strategy that is new in a rule set has its number as version, so that no version comes twice. */
function setsOf(bodies: readonly StrategyInput[], changes: readonly RuleChange[]): Strategy[][] {
  const sets = [bodies.map((each, index) => aStrategy({ ...each, id: index + 1, version: 1 }))];
  for (const each of changes) {
    const version = sets.length + 1;
    const last = sets.at(-1)!;
    const target = last[each.which % Math.max(last.length, 1)];
    sets.push(last.flatMap((old) => (old !== target ? [old] : each.what === 'delete' ? [] : [changed(old, each, version)])));
  }
  // The order in which a rule set lists its strategies must not matter.
  return sets.map((set, index) => (index % 2 ? [...set].reverse() : set));
}

const second = 1000;
/** How far the time of the senders moves before a step (ms). */
const pause = oneOf(0, 0, 0, 500, 1 * second, 2 * second, 5 * second, 5 * second, 10 * second, 10 * second, 30 * second, 60 * second);
const value = oneOf(0, 0, 1, 2, 2.5, 4, 4, 4, 0.1, 0.2, -1);
/** Runs of one value, so that windows fill and recoveries complete. */
const values = fc
  .array(fc.tuple(value, oneOf(1, 1, 2, 3, 5)), { minLength: 1, maxLength: 4, size: 'max' })
  .map((runs) => runs.flatMap(([each, times]) => Array.from({ length: times }, () => each)));
/** Out of order: how far a point's time is from the time of the senders (ms). */
const skew = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.integer({ min: -40 * second, max: 2 * second }) },
  { weight: 1, arbitrary: oneOf(-3_600_000, -70 * second, 70 * second, 700 * second, -700 * second) },
);
const host = oneOf('a', 'b');
const dimensions = fc.oneof(
  { weight: 4, arbitrary: fc.record({ host }) },
  {
    weight: 1,
    arbitrary: fc.record(
      { host: oneOf('a', 'ab', ''), disk: oneOf('a', 'b'), port: oneOf('80', '443', ' 80', '', '1e2', 'x') },
      { requiredKeys: [] },
    ),
  },
);
const source = oneOf('source-1', 'source-1', 'source-2');
const business = oneOf('2', '2', '2', '2', '3');

/** `now` is the time of the senders, `clock` that of the ticks (ms). */
type Step = (state: { now: number; clock: number; version: number }) => RawEvent[];

const points: fc.Arbitrary<Step> = fc
  .record({
    pause,
    skew,
    dimensions,
    source,
    business,
    metric: oneOf('cpu', 'cpu', 'cpu', 'mem'),
    values,
    every: oneOf(1, 2, 5, 5, 7, 10, 10, 30, 60),
  })
  .map((each) => (state) => {
    state.now += each.pause;
    return each.values.map((number, index) => {
      if (index > 0) state.now += each.every * second;
      const raw_data = { metric: each.metric, value: number, dimensions: each.dimensions };
      return aMetric({ timestamp: state.now + each.skew, bk_biz_id: each.business, event_source: each.source, raw_data });
    });
  });

const happening: fc.Arbitrary<Step> = fc.record({ pause, skew, dimensions, source, log: fc.boolean() }).map((each) => (state) => {
  state.now += each.pause;
  const fields = { timestamp: state.now + each.skew, event_source: each.source, raw_data: { dimensions: each.dimensions } };
  return [each.log ? aLogLine(fields) : anEvent(fields)];
});

type Ticks = { readonly every: number; readonly times: number; readonly along: boolean };

/** The senders' time goes along with the ticks, or stands still. */
const tickAlong = (state: Parameters<Step>[0], { every, times, along }: Ticks): RawEvent[] =>
  Array.from({ length: times }, () => {
    state.clock += every * second;
    if (along) state.now = Math.max(state.now, state.clock);
    return aTick({ timestamp: state.clock, raw_data: { rules_version: state.version } });
  });

/** A few ticks with gaps and steps back, and perhaps other rules. */
const ticking = (versions: number): fc.Arbitrary<Step> =>
  fc
    .record({
      catchUp: fc.boolean(),
      along: oneOf(true, true, true, false),
      every: oneOf(1, 2, 5, 5, 60, -10, 3600),
      times: oneOf(1, 2, 3, 4, 5, 6, 20, 60),
      versions: oneOf(0, 0, 0, 1, 1, 1, 2, -1),
    })
    .map((each) => (state) => {
      if (each.catchUp) state.clock = Math.max(state.clock, state.now);
      state.version = Math.min(Math.max(state.version + each.versions, 0), versions);
      return tickAlong(state, each);
    });

/** So many ticks that the clock moves by half an hour and more. */
const silence: fc.Arbitrary<Step> = fc
  .record({ every: fc.constant(5), times: oneOf(359, 361, 400, 740), along: fc.boolean() })
  .map((each) => (state) => {
    state.clock = Math.max(state.clock, state.now);
    return tickAlong(state, each);
  });

/** Some alarms of one sender, mostly about the same thing. */
const alarms: fc.Arbitrary<Step> = fc
  .record({
    name: oneOf('x', 'x', 'y'),
    severity: oneOf('warning', 'warning', 'critical', 'info', undefined),
    source,
    started: oneOf(0, 60, 3600, -60),
    each: fc.array(
      fc.record({
        pause: oneOf(0, 0, 1, second, 60 * second, 300 * second, 300 * second),
        back: oneOf(0, 0, 0, 0, 1, 60 * second, 7_200_000),
        text: oneOf('one', 'two'),
        length: oneOf(600, 300, 60, 10, 5, 1, 0, -1, -60, -3600, -4000),
        timeout: oneOf(true, false, undefined),
      }),
      { minLength: 1, maxLength: 5, size: 'max' },
    ),
  })
  .map(({ name, severity, source: event_source, started, each }) => (state) => {
    const labels = { alertname: name, ...(severity && { severity }) };
    return each.map(({ pause: wait, back, text, length, timeout }) => {
      state.now += wait;
      const timestamp = state.now - back;
      const times = { startsAt: timestamp - started * second, endsAt: timestamp + length * second, timeout };
      return anExternalAlert({ timestamp, event_source, raw_data: { labels, annotations: { text }, ...times } });
    });
  });

/** An alarm that comes again, older than it was, about when its key is forgotten: an hour after its end. */
const revenant: fc.Arbitrary<Step> = fc.record({ late: oneOf(-1, 0, 1), older: oneOf(1, 2, second) }).map(({ late, older }) => (state) => {
  state.now += 10 * second;
  const started = state.now;
  const alarm = (timestamp: number, endsAt: number) =>
    anExternalAlert({ timestamp, raw_data: { labels: { alertname: 'z' }, startsAt: started - 5 * second, endsAt } });
  const ended = started + second;
  state.clock = ended + 3_600_000 + late;
  const tick = aTick({ timestamp: state.clock, raw_data: { rules_version: state.version } });
  const again = started - older;
  return [alarm(started, started + 60 * second), alarm(ended, ended), tick, alarm(again, again + 60 * second)];
});

const steps = (versions: number): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      { weight: 16, arbitrary: points },
      { weight: 6, arbitrary: ticking(versions) },
      { weight: 3, arbitrary: alarms },
      { weight: 2, arbitrary: happening },
      { weight: 1, arbitrary: silence },
      { weight: 1, arbitrary: revenant },
    ),
    { minLength: 1, maxLength: 20, size: 'max' },
  );

/** The same events, of which some come again a little later, as those of a sender that got no answer. */
function repeat(events: RawEvent[], repetitions: readonly { readonly of: number; readonly after: number }[]): RawEvent[] {
  for (const { of, after } of repetitions) {
    const place = of % events.length;
    const event = events[place]!;
    if (event.event_type !== 'tick') events.splice(place + 1 + after, 0, event);
  }
  return events;
}

/** Short histories in which everything that docs/detect.md speaks of happens now and then. */
export const randomHistory: fc.Arbitrary<RandomHistory> = fc
  .tuple(fc.array(body, { minLength: 1, maxLength: 3, size: 'max' }), fc.array(change, { maxLength: 4, size: 'max' }))
  .chain(([bodies, changes]) => {
    const ruleSets = setsOf(bodies, changes);
    return fc
      .record({
        identifyBy: oneOf<RandomHistory['identifyBy']>('bk_biz_id', 'bk_biz_id', 'event_source'),
        first: oneOf(1, 1, 1, 0),
        steps: steps(ruleSets.length),
        repetitions: fc.array(fc.record({ of: fc.nat({ max: 200 }), after: fc.nat({ max: 20 }) }), { maxLength: 4 }),
      })
      .map(({ identifyBy, first, steps: each, repetitions }) => {
        const state = { now: NOON, clock: NOON, version: first };
        const start = aTick({ timestamp: NOON, raw_data: { rules_version: first } });
        return { identifyBy, ruleSets, events: repeat([start, ...each.flatMap((step) => step(state))], repetitions) };
      });
  });

/** A whole number below `below` that depends on `index` alone and looks random. */
function noise(index: number, below: number): number {
  const mixed = Math.imul(index ^ (index >>> 15), 0x2c1b3c6d);
  return ((Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39) ^ (mixed >>> 15)) >>> 0) % below;
}

/** Points and alarms of so many hosts that memory must grow, with values and order that look random but are the same each time. */
export function wideHistory(hosts: number, length: number): RandomHistory {
  const strategies = [
    aStrategy({ id: 1, query: { interval: 10 }, detects: [{ level: 2, trigger: { count: 2, check_window: 3 }, recovery: { check_window: 2 } }] }),
    aStrategy({ id: 2, query: { interval: 5, aggregation: 'LAST', dimensions: ['host', 'disk'] }, item: { lateness: 3 } }),
  ];
  const events = Array.from({ length }, (_, index): RawEvent => {
    const timestamp = NOON + index * 5;
    if (index % 1000 === 0) return aTick({ timestamp });
    const host_ = `host-${noise(5 * index, hosts)}`;
    if (index % 20 === 0)
      return anExternalAlert({
        timestamp,
        raw_data: { labels: { instance: host_ }, endsAt: timestamp + noise(5 * index + 1, 30 * second) - 5 * second },
      });
    const raw_data = { value: noise(5 * index + 2, 160), dimensions: { host: host_, disk: `${noise(5 * index + 3, 2)}` } };
    return aMetric({ timestamp: timestamp - noise(5 * index + 4, 12 * second), raw_data });
  });
  return { identifyBy: 'bk_biz_id', ruleSets: [strategies], events };
}
