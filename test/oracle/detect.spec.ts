import type { Strategy } from '../../src/detect/strategy.js';
import { canonical, identity } from '../../src/shared/identity.js';
import type { ExternalAlert, RawEvent } from '../../src/topics.js';
import { aLogLine, aMetric, anEvent, anExternalAlert, aStrategy, aTick, NOON } from '../support/builders.js';
import { type Reference, referenceAlerts } from './detect.js';
import { historyOf, ruleSetsOf } from './histories.js';
import type { ReferenceMessage } from './journal.js';

const SECOND = 1000;
const at = (seconds: number): number => NOON + seconds * SECOND;
const threshold = (level: 1 | 2 | 3, limit: number, method: 'gt' | 'lt' | 'eq' = 'gt') => ({
  level,
  type: 'Threshold' as const,
  config: [[{ method, threshold: limit }]],
});

/** A strategy whose buckets of 10 s close with the first point of the next one, and which fires at once above 80. */
const quick = (overrides: Parameters<typeof aStrategy>[0] = {}): Strategy =>
  aStrategy({ ...overrides, query: { interval: 10, ...overrides.query }, item: { lateness: 0, ...overrides.item } });

/** `cpu` of web-1 at seconds after noon. */
const cpu = (seconds: number, value: number): RawEvent => aMetric({ timestamp: at(seconds), raw_data: { value } });
/** One value per period of 10 s from noon on; undefined = no point. */
const periods = (...values: (number | undefined)[]): RawEvent[] =>
  values.flatMap((value, index) => (value === undefined ? [] : [cpu(index * 10, value)]));
const tick = (seconds: number, rules_version = 1): RawEvent => aTick({ timestamp: at(seconds), raw_data: { rules_version } });
/** Ticks every 5 s, so that each moves the clock by all the time that passes. */
const ticks = (from: number, to: number): RawEvent[] => Array.from({ length: (to - from) / 5 + 1 }, (_, index) => tick(from + 5 * index));

const judge = (strategies: readonly Strategy[], ...events: RawEvent[]): Reference =>
  referenceAlerts([historyOf([tick(0), ...events])], ruleSetsOf(strategies), { identifyBy: 'bk_biz_id' });

/** `kind severity second`, with the reason where the page names one. */
const told = ({ messages }: Reference): string[] => messages.map(words);
const words = ({ kind, severity, time, reason }: ReferenceMessage): string =>
  `${kind} ${severity} ${(time - NOON) / SECOND}${reason ? ` ${reason}` : ''}`;

describe('reference: observing', () => {
  it('sees nothing before the first tick names rules', () => {
    const reference = referenceAlerts([historyOf([cpu(0, 99), tick(5), cpu(10, 1), cpu(20, 1)])], ruleSetsOf([quick()]), { identifyBy: 'bk_biz_id' });
    expect(told(reference)).toEqual([]);
  });

  it('ignores disabled strategies, other businesses and other names', () => {
    const reference = judge(
      [quick({ id: 1, is_enabled: false }), quick({ id: 2, bk_biz_id: '3' }), quick({ id: 3, query: { metric: 'memory' } }), quick({ id: 4 })],
      ...periods(99, 1),
    );
    expect(reference.messages.map(({ strategy_id }) => strategy_id)).toEqual([4]);
  });

  it('counts custom events by name and log lines by source', () => {
    const detects = { detects: [{ level: 2 as const }], item: { algorithms: [threshold(2, 1)], lateness: 0 } };
    const reference = judge(
      [
        aStrategy({ ...detects, id: 1, query: { data_type: 'event', metric: 'reboot', aggregation: 'SUM', interval: 10 } }),
        aStrategy({ ...detects, id: 2, query: { data_type: 'log', metric: 'syslog', aggregation: 'COUNT', interval: 10 } }),
      ],
      ...[0, 1, 10].map((seconds) => anEvent({ timestamp: at(seconds) })),
      ...[0, 1, 2, 10].map((seconds) => aLogLine({ timestamp: at(seconds), event_source: 'syslog' })),
    );
    expect(reference.messages.map(({ strategy_id, value }) => [strategy_id, value])).toEqual([
      [1, 2],
      [2, 3],
    ]);
  });

  it.each([
    ['no conditions', [], true],
    ['eq', [{ key: 'host', method: 'eq', value: ['web-9', 'web-1'] }], true],
    ['neq', [{ key: 'host', method: 'neq', value: ['web-9', 'web-1'] }], false],
    ['a missing dimension is empty', [{ key: 'rack', method: 'eq', value: [''] }], true],
    ['a name of Object.prototype is a missing dimension', [{ key: 'toString', method: 'eq', value: [''] }], true],
    ['gte as numbers', [{ key: 'port', method: 'gte', value: [9, 10_000] }], true],
    ['gt with text', [{ key: 'host', method: 'gt', value: ['1'] }], false],
    ['lt with the empty text', [{ key: 'rack', method: 'lt', value: ['1'] }], false],
    ['include', [{ key: 'host', method: 'include', value: ['db', 'eb-'] }], true],
    ['exclude', [{ key: 'host', method: 'exclude', value: ['db', 'eb-'] }], false],
    ['or binds weaker: false and false or true', [no('and'), no('and'), yes('or')], true],
    ['or binds weaker: true or false and false', [yes('and'), no('or'), no('and')], true],
    ['a leading or means nothing', [no('or'), yes('and')], false],
  ] as const)('conditions: %s', (_, conditions, holds) => {
    const event = (seconds: number) => aMetric({ timestamp: at(seconds), raw_data: { value: 99, dimensions: { host: 'web-1', port: '80' } } });
    const reference = judge([quick({ query: { conditions: conditions.map((each) => ({ ...each, value: [...each.value] })) } })], event(0), event(10));
    expect(told(reference)).toEqual(holds ? ['fired 2 0'] : []);
  });

  function yes(condition: 'and' | 'or') {
    return { key: 'host', method: 'eq', value: ['web-1'], condition } as const;
  }
  function no(condition: 'and' | 'or') {
    return { key: 'host', method: 'eq', value: ['db'], condition } as const;
  }
});

describe('reference: identities', () => {
  const dimensions = { host: 'web-1', rack: '' };
  const strategies = [quick({ id: 7, version: 3, query: { dimensions: ['rack', 'host'] } })];

  it('makes the alert key of business, strategy and all its dimensions', () => {
    const [message] = judge(strategies, ...periods(99, 1)).messages;
    const alert_key = identity('alert', '2', 7, canonical(dimensions));
    const alert_id = identity(alert_key, 3, NOON);
    expect(message).toMatchObject({ alert_key, alert_id, event_id: identity(alert_id, 1), transition: 1, offset: 2, partition: 0 });
  });

  it('keeps sources apart when they decide the partition', () => {
    const events = ['a', 'b'].flatMap((event_source) => [0, 10].map((s) => aMetric({ timestamp: at(s), event_source, raw_data: { value: 99 } })));
    const { messages } = referenceAlerts([historyOf([tick(0), ...events])], ruleSetsOf(strategies), { identifyBy: 'event_source' });
    expect(messages.map(({ alert_key }) => alert_key)).toEqual(['a', 'b'].map((source) => identity('alert', '2', 7, canonical(dimensions), source)));
    const alarms = referenceAlerts([historyOf(['a', 'b'].map((event_source) => anExternalAlert({ event_source })))], ruleSetsOf(), {
      identifyBy: 'event_source',
    });
    const { labels } = anExternalAlert().raw_data;
    expect(alarms.messages.map(({ alert_key }) => alert_key)).toEqual(
      ['a', 'b'].map((source) => identity('external', '2', canonical(labels), source)),
    );
  });
});

describe('reference: windows', () => {
  it.each([
    ['AVG', 4],
    ['SUM', 16],
    ['MIN', 1],
    ['MAX', 7],
    ['COUNT', 4],
    ['LAST', 3],
  ] as const)('%s of a bucket', (aggregation, value) => {
    const { messages } = judge(
      [quick({ query: { aggregation }, item: { lateness: 0, algorithms: [threshold(2, 0)] } })],
      cpu(4, 5),
      cpu(9, 7), // the greatest timestamp, but not the last to arrive with it
      cpu(1, 1),
      cpu(9, 3),
      cpu(10, 0),
    );
    expect(messages.map((message) => message.value)).toEqual([value]);
  });

  it('closes a bucket when the watermark reaches its end plus the lateness', () => {
    const strategies = [quick({ item: { lateness: 5 } })];
    expect(judge(strategies, cpu(0, 99), cpu(14, 1)).messages).toEqual([]);
    const { messages } = judge(strategies, cpu(0, 99), cpu(14, 1), cpu(15, 1));
    expect(messages.map(({ kind, offset }) => [kind, offset])).toEqual([['fired', 3]]);
  });

  it('takes an out-of-order point while its bucket is open, and drops it afterwards', () => {
    const strategies = [quick({ query: { aggregation: 'SUM' }, item: { lateness: 5 } })];
    const { messages } = judge(strategies, cpu(0, 50), cpu(14, 1), cpu(9, 40), cpu(15, 1), cpu(9, 1000), cpu(25, 1), cpu(26, 0));
    expect(messages.map(({ kind, value }) => [kind, value])).toEqual([['fired', 90]]);
  });

  it('closes the point of an old empty period at once when nothing newer is closed yet', () => {
    const { messages } = judge([quick({ item: { lateness: 5 } })], cpu(40, 1), cpu(0, 99));
    expect(messages.map(({ kind, time, offset }) => [kind, time, offset])).toEqual([['fired', NOON, 2]]);
  });

  it('keeps 64 buckets open, and closes the oldest for a point that needs more', () => {
    const strategies = [quick({ item: { lateness: 3600 } })];
    expect(told(judge(strategies, cpu(0, 99), cpu(630, 1)))).toEqual([]);
    expect(told(judge(strategies, cpu(0, 99), cpu(10, 99), cpu(640, 1)))).toEqual(['fired 2 0']);
  });

  it('counts a point 64 periods before the newest open one as late', () => {
    const strategies = [quick({ item: { lateness: 3600 } })];
    expect(told(judge(strategies, cpu(640, 1), cpu(0, 99), ...ticks(5, 3615)))).toEqual([]);
    expect(told(judge(strategies, cpu(640, 1), cpu(10, 99), ...ticks(5, 3610)))).toEqual(['fired 2 10', 'recovered 2 640 recovered']);
  });
});

describe('reference: trigger and recovery', () => {
  const detect = (count: number, check_window: number, recovery = 5, status_setter: 'recovery' | 'close' = 'recovery') => ({
    detects: [{ level: 2 as const, trigger: { count, check_window }, recovery: { check_window: recovery, status_setter } }],
  });

  it('fires when N of the last M periods are anomalous, from the first of them on', () => {
    const reference = judge([quick(detect(3, 5))], ...periods(99, 1, 99, 1, 99, 1));
    expect(told(reference)).toEqual(['fired 2 40']);
    expect(reference.messages[0]).toMatchObject({ begin_time: NOON, anomaly_timestamps: [at(0), at(20), at(40)] });
  });

  it('counts periods without a point as good ones', () => {
    expect(told(judge([quick(detect(3, 5))], ...periods(99, 99, undefined, undefined, undefined, 99, 1)))).toEqual([]);
  });

  it('recovers 1 of 5 with recovery 5 after nine good points', () => {
    const good = Array.from({ length: 10 }, () => 1);
    expect(told(judge([quick(detect(1, 5))], ...periods(99, ...good)))).toEqual(['fired 2 0', 'recovered 2 90 recovered']);
    expect(told(judge([quick(detect(1, 5))], ...periods(99, ...good.slice(1))))).toEqual(['fired 2 0']);
  });

  it('closes instead when the setter says so', () => {
    const reference = judge([quick(detect(1, 1, 2, 'close'))], ...periods(99, 1, 1, 1));
    expect(told(reference)).toEqual(['fired 2 0', 'closed 2 20 recovered']);
    expect([...reference.alerts.values()]).toMatchObject([{ status: 'CLOSED', begin_time: NOON, end_time: at(20) }]);
  });

  it('starts the count of good periods again at a met one', () => {
    expect(told(judge([quick(detect(1, 1, 3))], ...periods(99, 1, 1, 99, 1, 1, 1, 1)))).toEqual(['fired 2 0', 'recovered 2 60 recovered']);
  });

  it('recovers at an anomalous point when the silence before it was long enough and it alone does not meet the level', () => {
    const reference = judge([quick(detect(2, 2, 5))], ...periods(99, 99, ...Array.from({ length: 5 }, () => undefined), 99, 1));
    expect(told(reference)).toEqual(['fired 2 10', 'recovered 2 70 recovered']);
  });

  it('uses anomalies from before the last end to fire again, but does not begin with them', () => {
    // Met up to 50 s; good at 60 s, where the alert ends; 30, 40 and 70 s are three of five.
    const reference = judge([quick(detect(3, 5, 1))], ...periods(1, 99, 1, 99, 99, 1, 1, 99, 1));
    expect(told(reference)).toEqual(['fired 2 40', 'recovered 2 60 recovered', 'fired 2 70']);
    expect(reference.messages[2]).toMatchObject({ begin_time: at(70), anomaly_timestamps: [at(70)], transition: 1 });
  });

  it('says that it is still abnormal after five minutes of data, and only at an anomalous point', () => {
    const values = Array.from({ length: 64 }, (_, index) => (index === 30 ? 1 : 99));
    expect(told(judge([quick(detect(1, 5))], ...periods(...values)))).toEqual(['fired 2 0', 'still_abnormal 2 310', 'still_abnormal 2 610']);
  });
});

describe('reference: levels', () => {
  const levels = quick({
    item: { lateness: 0, algorithms: [threshold(1, 95), threshold(2, 80)] },
    detects: [
      { level: 2, trigger: { count: 1, check_window: 1 }, recovery: { check_window: 2 } },
      { level: 1, trigger: { count: 2, check_window: 2 }, recovery: { check_window: 2 } },
    ],
  });

  it('fires with the smallest level that triggers', () => {
    const two = quick({ item: { lateness: 0, algorithms: [threshold(1, 95), threshold(2, 80)] }, detects: [{ level: 2 }, { level: 1 }] });
    expect(told(judge([two], ...periods(99, 1)))).toEqual(['fired 1 0']);
  });

  it('raises the severity in place, never lowers it, and recovers by the level it has', () => {
    const reference = judge([levels], ...periods(99, 99, 85, 85, 85, 1, 1));
    expect(told(reference)).toEqual(['fired 2 0', 'severity_changed 1 10', 'recovered 1 30 recovered', 'fired 2 40']);
    expect(reference.messages.map(({ transition }) => transition)).toEqual([1, 2, 3, 1]);
  });

  it('needs an anomalous point to fire, even when the level is still met by those before', () => {
    const strategy = quick({
      item: { lateness: 0, algorithms: [threshold(1, 95), threshold(2, 80)] },
      detects: [
        { level: 1, recovery: { check_window: 2 } },
        { level: 2, trigger: { count: 1, check_window: 10 } },
      ],
    });
    expect(told(judge([strategy], ...periods(99, 1, 1, 1, 85, 1)))).toEqual(['fired 1 0', 'recovered 1 20 recovered', 'fired 2 40']);
  });

  it('connects the algorithms of a level with all or one of them', () => {
    const algorithms = [threshold(2, 50), threshold(2, 60, 'lt')];
    const strategy = (connector: 'and' | 'or') => quick({ item: { lateness: 0, algorithms }, detects: [{ level: 2, connector }] });
    expect(told(judge([strategy('and')], ...periods(99, 55, 1)))).toEqual(['fired 2 10']);
    expect(told(judge([strategy('or')], ...periods(99, 55, 1)))).toEqual(['fired 2 0']);
  });

  it('reads a threshold as an OR of ANDs', () => {
    const config = [
      [
        { method: 'gte' as const, threshold: 10 },
        { method: 'lt' as const, threshold: 20 },
      ],
      [{ method: 'eq' as const, threshold: 0 }],
    ];
    const fires = (value: number) =>
      told(judge([quick({ item: { lateness: 0, algorithms: [{ level: 2, type: 'Threshold', config }] } })], ...periods(value, 5)));
    expect([10, 19, 20, 9, 0].map((value) => fires(value).length)).toEqual([1, 1, 0, 0, 1]);
  });
});

describe('reference: time', () => {
  it('closes the buckets of a silent series after interval and lateness on the clock', () => {
    const strategies = [quick({ item: { lateness: 5 } })];
    expect(told(judge(strategies, cpu(0, 99), ...ticks(5, 10)))).toEqual([]);
    const { messages } = judge(strategies, cpu(0, 99), ...ticks(5, 15));
    expect(messages.map(({ kind, time, offset }) => [kind, time, offset])).toEqual([['fired', NOON, 4]]);
  });

  it('counts the silence of a series from its latest accepted observation', () => {
    const strategies = [quick({ item: { lateness: 5 } })];
    const late = cpu(-100, 99);
    const events = [cpu(-50, 1), cpu(0, 99), ...ticks(5, 10), cpu(1, 99)];
    expect(told(judge(strategies, ...events, ...ticks(15, 20)))).toEqual([]);
    expect(told(judge(strategies, ...events, tick(15), late, ...ticks(20, 25)))).toEqual(['fired 2 0']);
  });

  it('evaluates strategies in the order of their ids', () => {
    const strategies = [3, 1, 2].map((id) => quick({ id }));
    const ids = (...events: RawEvent[]) => judge(strategies, ...events).messages.map(({ strategy_id }) => strategy_id);
    expect(ids(...periods(99, 1))).toEqual([1, 2, 3]);
    expect(ids(cpu(0, 99), ...ticks(5, 10))).toEqual([1, 2, 3]);
  });

  it('closes the alert of a series without data after half an hour, and forgets its anomalies', () => {
    const strategy = quick({ detects: [{ level: 2, trigger: { count: 2, check_window: 1024 } }], query: { interval: 1 } });
    const reference = judge([strategy], cpu(0, 99), cpu(1, 99), cpu(2, 1), ...ticks(5, 1800), cpu(700, 99), cpu(701, 1), ...ticks(1805, 1810));
    expect(told(reference)).toEqual(['fired 2 1', 'closed 2 1800 no_data']);
    expect(reference.messages[1]).toMatchObject({ value: null, status: 'CLOSED' });
  });

  it('waits longer than half an hour when the window of the level is longer', () => {
    const strategy = quick({ detects: [{ level: 2, trigger: { count: 1, check_window: 200 } }] });
    expect(told(judge([strategy], cpu(0, 99), ...ticks(5, 1995)))).toEqual(['fired 2 0']);
    expect(told(judge([strategy], cpu(0, 99), ...ticks(5, 2000)))).toEqual(['fired 2 0', 'closed 2 2000 no_data']);
  });

  it('waits for at least five periods', () => {
    const strategies = [quick({ query: { interval: 600 } })];
    const end = (seconds: number) => told(judge(strategies, cpu(0, 99), ...ticks(5, seconds))).slice(1);
    expect([end(2995), end(3000)]).toEqual([[], ['closed 2 3000 no_data']]);
  });

  it('fires at data that run behind the tick which closed the last alert', () => {
    const reference = judge([quick()], cpu(0, 99), ...ticks(5, 1800), cpu(10, 99), cpu(20, 1));
    expect(told(reference)).toEqual(['fired 2 0', 'closed 2 1800 no_data', 'fired 2 10']);
    expect(reference.messages[2]).toMatchObject({ begin_time: at(10), anomaly_timestamps: [at(10)] });
  });

  it('counts our own downtime as five seconds, and a clock that goes back as nothing', () => {
    const strategies = [quick({ item: { lateness: 5 } })];
    expect(told(judge(strategies, cpu(0, 99), tick(86_400), tick(86_405), tick(80_000), tick(80_010)))).toEqual([]);
    expect(told(judge(strategies, cpu(0, 99), tick(86_400), tick(86_405), tick(80_000), tick(86_410)))).toEqual(['fired 2 0']);
    const [exact, more] = [5, 6].map((lateness) => told(judge([quick({ item: { lateness } })], cpu(0, 99), tick(100), tick(200), tick(300))));
    expect([exact, more]).toEqual([['fired 2 0'], []]);
  });

  it('moves nothing at the first tick', () => {
    const { messages } = referenceAlerts([historyOf([anExternalAlert({ raw_data: { endsAt: at(3) } }), tick(5), tick(7)])], ruleSetsOf([]), {
      identifyBy: 'bk_biz_id',
    });
    expect(messages.map(({ kind }) => kind)).toEqual(['fired']);
  });
});

describe('reference: rule changes', () => {
  const change = (...sets: Strategy[][]) =>
    referenceAlerts(
      [historyOf([tick(0), ...periods(99, 99), ...sets.slice(1).map((_, index) => tick(15 + index, index + 2)), ...[20, 30].map((s) => cpu(s, 99))])],
      ruleSetsOf(...sets),
      { identifyBy: 'bk_biz_id' },
    );

  it('keeps state across compatible rules, and evaluates the new thresholds', () => {
    const next = quick({
      version: 2,
      name: 'other',
      item: { lateness: 0, algorithms: [threshold(2, 100)] },
      detects: [{ level: 2, connector: 'or' }],
    });
    const reference = change([quick()], [next]);
    expect(told(reference)).toEqual(['fired 2 0']);
    expect(reference.messages[0]?.alert_id).toBe(identity(reference.messages[0]!.alert_key, 1, NOON));
  });

  it.each([
    ['strategy_deleted', []],
    ['strategy_disabled', [quick({ version: 2, is_enabled: false })]],
    ['strategy_changed', [quick({ version: 2, query: { interval: 20 } })]],
    ['strategy_changed', [quick({ version: 2, item: { lateness: 1 } })]],
    ['strategy_changed', [quick({ version: 2, bk_biz_id: '3' })]],
    ['strategy_changed', [quick({ version: 2, detects: [{ level: 2, recovery: { check_window: 6 } }] })]],
  ] as const)('ends the alerts of a strategy that cannot go on: %s', (reason, next) => {
    const reference = change([quick()], [...next]);
    expect(told(reference).slice(0, 2)).toEqual(['fired 2 0', `closed 2 15 ${reason}`]);
    expect(reference.messages[1]).toMatchObject({ value: null, offset: 3 });
  });

  it('forgets the series of a changed strategy, so that the alert fires again under the new version', () => {
    const reference = change([quick()], [quick({ version: 2, detects: [{ level: 2, trigger: { count: 1, check_window: 2 } }] })]);
    expect(told(reference)).toEqual(['fired 2 0', 'closed 2 15 strategy_changed', 'fired 2 20']);
    expect(reference.messages[2]?.alert_id).toBe(identity(reference.messages[2]!.alert_key, 2, at(20)));
  });

  it('ignores a tick of older rules', () => {
    const reference = referenceAlerts([historyOf([tick(0, 2), tick(1, 1), ...periods(99, 99)])], ruleSetsOf([], [quick()]), {
      identifyBy: 'bk_biz_id',
    });
    expect(told(reference)).toEqual(['fired 2 0']);
  });
});

describe('reference: leases of external senders', () => {
  const alarm = (seconds: number, raw_data: Partial<ExternalAlert['raw_data']> = {}) =>
    anExternalAlert({ timestamp: at(seconds), raw_data: { startsAt: at(-60), ...raw_data } });
  const labels = (severity: string) => ({ alertname: 'DiskFull', instance: 'web-1', severity });

  it('opens at the first firing event', () => {
    const { messages } = judge([], alarm(0), alarm(60));
    const alert_key = identity('external', '2', canonical(labels('warning')));
    const alert_id = identity(alert_key, 0, NOON);
    expect(messages).toMatchObject([{ kind: 'fired', alert_key, alert_id, begin_time: at(-60), time: NOON, severity: 2, strategy_id: 0 }]);
  });

  it('ignores a resolved event for an alert that is not open, or that speaks of an older occurrence', () => {
    expect(told(judge([], alarm(0, { endsAt: at(-10) })))).toEqual([]);
    expect(told(judge([], alarm(0), alarm(1, { endsAt: at(-60) })))).toEqual(['fired 2 0']);
  });

  it('ends when the sender says so', () => {
    expect(told(judge([], alarm(0), alarm(30, { endsAt: at(20) })))).toEqual(['fired 2 0', 'recovered 2 20 resolved_by_sender']);
  });

  it('ends when the lease runs out on the clock', () => {
    expect(told(judge([], alarm(0, { endsAt: at(10) }), ...ticks(5, 20)))).toEqual(['fired 2 0', 'recovered 2 10 lease_expired']);
  });

  it('ends in the order of opening', () => {
    const host = (instance: string, seconds: number, endsAt: number) => alarm(seconds, { labels: { instance }, endsAt: at(endsAt) });
    const { messages } = judge([], host('a', 0, 10), host('b', 0, 10), host('a', 1, 1), host('a', 1, 11), ...ticks(5, 10));
    const key = (instance: string) => identity('external', '2', canonical({ instance }));
    expect(messages.slice(-2).map(({ kind, alert_key }) => [kind, alert_key])).toEqual([
      ['recovered', key('b')],
      ['recovered', key('a')],
    ]);
  });

  it('is not ended by our own downtime', () => {
    expect(told(judge([], alarm(0, { endsAt: at(10) }), tick(86_400)))).toEqual(['fired 2 0']);
  });

  it('replaces an estimated end, but keeps a later explicit one', () => {
    const early = { endsAt: at(10) };
    expect(told(judge([], alarm(0, { timeout: true }), alarm(0, early), ...ticks(5, 10)))).toEqual(['fired 2 0', 'recovered 2 10 lease_expired']);
    expect(told(judge([], alarm(0), alarm(0, early), ...ticks(5, 300)))).toEqual(['fired 2 0', 'recovered 2 300 lease_expired']);
  });

  it.each([
    ['critical', 1],
    ['page', 1],
    ['1', 1],
    ['info', 3],
    ['none', 3],
    ['warning', 2],
    ['', 2],
  ])('reads the severity %p as %d', (text, severity) => {
    expect(judge([], alarm(0, { labels: labels(text) })).messages[0]?.severity).toBe(severity);
  });

  it('publishes changed annotations at most every five minutes, compared with the last published ones', () => {
    const note = (seconds: number, text: string) => alarm(seconds, { annotations: { text } });
    expect(told(judge([], note(0, 'a'), note(299, 'b'), note(300, 'b'), note(700, 'b')))).toEqual([
      'fired 2 0',
      'still_abnormal 2 300 annotations_changed',
    ]);
    expect(told(judge([], note(0, 'a'), note(299, 'b'), note(300, 'a')))).toEqual(['fired 2 0']);
  });

  it('gives a new occurrence another first anomaly than the last, even in the same millisecond', () => {
    const { messages } = judge([], alarm(0), alarm(0, { endsAt: at(-10) }), alarm(0));
    const key = messages[0]!.alert_key;
    expect(messages.map(({ alert_id }) => alert_id)).toEqual([NOON, NOON, NOON + 1].map((first) => identity(key, 0, first)));
  });

  it('forgets an ended key after an hour of ticks', () => {
    const again = (hour: number) => judge([], alarm(0), alarm(1, { endsAt: at(1) }), tick(hour), alarm(-1)).messages.at(-1)!;
    const key = again(3600).alert_key;
    expect(again(3600).alert_id).toBe(identity(key, 0, NOON + 1));
    expect(again(3601).alert_id).toBe(identity(key, 0, at(-1)));
  });
});

describe('reference: poison', () => {
  const bytes = (value: Buffer | string | null) =>
    referenceAlerts([{ partition: 3, records: [{ offset: 9, value }] }], ruleSetsOf([]), { identifyBy: 'bk_biz_id' });
  const good = JSON.stringify(aTick({ raw_data: { rules_version: 0 } }));

  it.each([
    ['tombstone', null],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['not JSON', '{"v":1'],
    ['not JSON', ''],
    ['not in the schema', '{}'],
    ['not in the schema', good.replace('"tick"', '"tock"')],
    ['not in the schema', `{"v":1,"events":[${good},{}]}`],
    ['not in the schema', '{"v":1,"events":[]}'],
    ['forbidden key', good.replace('{', '{"__proto__":{"a":1},')],
    ['forbidden key', good.replace('{', '{"a":[{"b":{"constructor":{"prototype":1}}}],')],
    ['nested too deeply', good.replace('{', `{"a":${'['.repeat(32)}${']'.repeat(32)},`)],
    ['nested too deeply', good.replace('{', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)},`)],
  ] as const)('finds a record that is %s', (reason, value) => {
    expect(bytes(value).poison).toEqual([{ partition: 3, offset: 9, reason, value }]);
  });

  it('takes single events and envelopes, and ignores unknown fields, a byte order mark and deep nesting', () => {
    expect(bytes(good.replace('{', `{"a":${'['.repeat(31)}${']'.repeat(31)},`)).poison).toEqual([]);
    expect(bytes(good.replace('{', '{"more":1,')).poison).toEqual([]);
    expect(bytes(`{"v":1,"events":[${good},${good}]}`).poison).toEqual([]);
    expect(bytes(`\uFEFF${good}`).poison).toEqual([]);
  });

  it('counts a record above the limit as poison', () => {
    const history = [{ partition: 0, records: [{ offset: 0, value: good }] }];
    const reasons = [good.length, good.length - 1].map((maxRecordBytes) =>
      referenceAlerts(history, ruleSetsOf([]), { identifyBy: 'bk_biz_id', maxRecordBytes }).poison.map(({ reason }) => reason),
    );
    expect(reasons).toEqual([[], ['too large']]);
  });

  it('continues after a poison record', () => {
    const history = historyOf([tick(0), ...periods(99, 1)]);
    const records = history.records.flatMap((record, index) => [
      { offset: 2 * index, value: 'broken' },
      { ...record, offset: 2 * index + 1 },
    ]);
    const reference = referenceAlerts([{ partition: 0, records }], ruleSetsOf([quick()]), { identifyBy: 'bk_biz_id' });
    expect(told(reference)).toEqual(['fired 2 0']);
    expect(reference.poison.map(({ offset }) => offset)).toEqual([0, 2, 4]);
  });
});
