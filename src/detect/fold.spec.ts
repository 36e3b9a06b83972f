import fc from 'fast-check';
import { aLogLine, aMetric, anEvent, aStrategy, aTick, NOON } from '../../test/support/builders.js';
import { changeRules } from '../../test/support/compiled-rules.js';
import { minute, outline, Partition } from '../../test/support/partition.js';
import { canonical, identity } from '../shared/identity.js';
import { alertEvent } from '../topics.js';
import type { Strategy } from './strategy.js';

type Overrides = Parameters<typeof aStrategy>[0];

const SECOND = 1000;
const above = (level: 1 | 2 | 3, threshold: number) => ({ level, type: 'Threshold' as const, config: [[{ method: 'gt' as const, threshold }]] });

/** The builder's strategy (above 80, per minute and host), whose buckets close with the first value after them. */
function prompt({ item, ...rest }: NonNullable<Overrides> = {}): Strategy {
  return aStrategy({ ...rest, item: { lateness: 0, ...item } });
}

/** One level with `count` of `check_window`, which recovers after `recovery` periods. */
const nOfM = (count: number, check_window: number, recovery = 5, status_setter: 'recovery' | 'close' = 'recovery') =>
  prompt({ detects: [{ level: 2, trigger: { count, check_window }, recovery: { check_window: recovery, status_setter } }] });

const at = (timestamp: number, value: number, host = 'web-1') => aMetric({ timestamp, raw_data: { value, dimensions: { host } } });

describe('a message about an alert', () => {
  const strategy = prompt({
    id: 7,
    version: 3,
    labels: { team: 'core' },
    item: { unit: '%' },
    query: { metric: 'cpu.usage', dimensions: ['ip', 'core'] },
  });
  const partition = new Partition([strategy]);
  const sample = (timestamp: number, value: number) =>
    aMetric({ timestamp, raw_data: { metric: 'cpu.usage', value, dimensions: { ip: '10.0.0.1', host: 'web-1' } } });
  const [fired] = partition.send(sample(NOON + 1, 95.2), sample(minute(1), 40));

  it('says who, what, since when and why', () => {
    const alert_key = identity('alert', '2', 7, canonical({ ip: '10.0.0.1', core: '' }));
    const alert_id = identity(alert_key, 3, NOON);
    expect(fired).toEqual({
      event_id: identity(alert_id, 1),
      alert_id,
      alert_key,
      transition: 1,
      kind: 'fired',
      reason: 'threshold',
      bk_biz_id: '2',
      strategy_id: 7,
      strategy_version: 3,
      strategy_name: 'CPU is high',
      alert_name: 'CPU is high',
      status: 'ABNORMAL',
      severity: 2,
      target_type: 'HOST',
      target: '10.0.0.1',
      dimensions: { ip: '10.0.0.1', core: '' },
      labels: { team: 'core', ip: '10.0.0.1', core: '' },
      annotations: {},
      metric: 'cpu.usage',
      value: 95.2,
      description: 'avg(cpu.usage) > 80, current value 95.2%',
      anomaly_timestamps: [NOON],
      begin_time: NOON,
      time: NOON,
    });
  });

  it('fits the topic once its place in the log and its writer are known', () => {
    const message = { ...fired, source: { topic: 'raw_events', partition: 0, offset: 0 }, epoch: 1 };
    expect(alertEvent.parse(message)).toEqual(message);
  });

  it('keeps the ids of the birth and counts on', () => {
    const [recovered] = partition.send(...[2, 3, 4, 5, 6, 7].map((count) => sample(minute(count), 40)));
    expect(recovered).toMatchObject({
      kind: 'recovered',
      status: 'RECOVERED',
      alert_id: fired!.alert_id,
      event_id: identity(fired!.alert_id, 2),
      transition: 2,
      begin_time: NOON,
      description: 'recovered: avg(cpu.usage) is 40%',
    });
  });
});

describe('the identity of an alert', () => {
  it('holds the event source where raw events are keyed by it', () => {
    const partition = new Partition([prompt()], 'event_source');
    const from = (event_source: string, timestamp: number) => aMetric({ event_source, timestamp, raw_data: { value: 100 } });
    const drafts = partition.send(from('a', NOON), from('b', NOON), from('a', minute(1)), from('b', minute(1)));
    const key = (source: string) => identity('alert', '2', 1, canonical({ host: 'web-1' }), source);
    expect(drafts.map(({ alert_key }) => alert_key)).toEqual([key('a'), key('b')]);
  });

  it('does not hold it otherwise', () => {
    const partition = new Partition([prompt({ query: { aggregation: 'COUNT' }, item: { algorithms: [above(2, 1)] } })]);
    const events = ['a', 'b'].map((event_source) => aMetric({ event_source, timestamp: NOON }));
    expect(partition.send(...events, aMetric({ timestamp: minute(1) }))).toMatchObject([{ value: 2, alert_key: expect.any(String) }]);
  });
});

describe('a strategy observes', () => {
  const counting = (data_type: 'metric' | 'event' | 'log', metric: string, rest: Overrides = {}) =>
    prompt({ ...rest, query: { data_type, metric, aggregation: 'SUM', ...rest.query }, item: { algorithms: [above(2, 0)], ...rest.item } });
  const cases: [title: string, strategy: Strategy, seen: boolean][] = [
    ['metrics by name', counting('metric', 'cpu'), true],
    ['not metrics of another name', counting('metric', 'mem'), false],
    ['not metrics of another business', counting('metric', 'cpu', { bk_biz_id: '3' }), false],
    ['events by name', counting('event', 'reboot'), true],
    ['not events by the name of a metric', counting('event', 'cpu'), false],
    ['log lines by source', counting('log', 'test'), true],
    ['not log lines of another source', counting('log', 'reboot'), false],
    ['nothing while disabled', counting('metric', 'cpu', { is_enabled: false }), false],
    ['what its conditions mean', counting('metric', 'cpu', { query: { conditions: [{ key: 'host', method: 'eq', value: ['web-1'] }] } }), true],
    ['nothing else', counting('metric', 'cpu', { query: { conditions: [{ key: 'host', method: 'eq', value: ['web-2'] }] } }), false],
  ];

  it.each(cases)('%s', (_title, strategy, seen) => {
    const partition = new Partition([strategy]);
    const drafts = partition.send(
      ...[NOON, minute(1)].flatMap((timestamp) => [aMetric({ timestamp }), anEvent({ timestamp }), aLogLine({ timestamp })]),
    );
    expect(drafts.map(({ value }) => value)).toEqual(seen ? [1] : []);
    expect(partition.fold.counts).toMatchObject({ observed: seen ? 2 : 0, unmatched: seen ? 4 : 6 });
  });

  it('an event in the order of the ids of all strategies that mean it', () => {
    const partition = new Partition([prompt({ id: 12 }), prompt({ id: 3 }), prompt({ id: 7 })]);
    expect(partition.minutes('xx').map(({ strategy_id }) => strategy_id)).toEqual([3, 7, 12]);
  });
});

describe('a window', () => {
  const values: [time: number, value: number][] = [
    [20, 3],
    [50, 10],
    [10, 2],
    [50, 5],
  ];

  it.each([
    ['AVG', 5],
    ['SUM', 20],
    ['MIN', 2],
    ['MAX', 10],
    ['COUNT', 4],
    ['LAST', 5],
  ] as const)('has the %s of its values: %d', (aggregation, expected) => {
    const partition = new Partition([prompt({ query: { aggregation }, item: { algorithms: [above(2, 0)] } })]);
    const events = values.map(([time, value]) => at(NOON + time * SECOND, value));
    expect(partition.send(...events, at(minute(1), -1))).toMatchObject([{ value: expected, time: NOON }]);
  });

  it.each(['AVG', 'SUM', 'MIN', 'MAX', 'LAST'] as const)('begins anew with each bucket (%s)', (aggregation) => {
    const partition = new Partition([prompt({ query: { aggregation }, item: { lateness: 60, algorithms: [above(2, -100)] } })]);
    partition.send(...[0, 1, 2, 3, 4, 5, 6, 7].map((count) => at(minute(count), -count)));
    partition.silence(120 * SECOND);
    expect(partition.drafts.map(({ value }) => value! + 0)).toEqual([0, -5]);
  });

  it('stays open for late points as long as the lateness says', () => {
    const partition = new Partition([prompt({ item: { lateness: 10 } })]);
    expect(partition.send(at(NOON, 100), at(minute(1) + 9_999, 0), at(NOON + 59_999, 70))).toEqual([]);
    expect(partition.send(at(minute(1) + 10_000, 0))).toMatchObject([{ kind: 'fired', value: 85 }]);
    expect(partition.send(at(NOON + 59_999, 1000))).toEqual([]);
    expect(partition.fold.counts).toMatchObject({ observed: 4, late: 1 });
  });

  it('is judged at once when it was never opened but is over', () => {
    const partition = new Partition([prompt()]);
    partition.send(at(NOON, 0), at(minute(10), 0));
    expect(outline(partition.send(at(minute(9), 100)))).toEqual(['fired 9']);
    expect(partition.send(at(minute(9), 100), at(minute(8), 100))).toEqual([]);
    expect(partition.fold.counts.late).toBe(2);
  });

  it('takes nothing that is 64 periods older than the newest', () => {
    const partition = new Partition([prompt()]);
    partition.send(at(NOON, 0), at(minute(100), 0));
    expect(outline(partition.send(at(minute(36), 100), at(minute(37), 100)))).toEqual(['fired 37']);
    expect(partition.fold.counts.late).toBe(1);
  });

  it('is closed before its time when a 65th would be open', () => {
    const partition = new Partition([aStrategy({ query: { interval: 1 }, item: { lateness: 3600 } })]);
    const second = (count: number): number => NOON + count * SECOND;
    partition.send(...Array.from({ length: 64 }, (_, count) => at(second(count), count === 0 ? 100 : 0)));
    expect(partition.drafts).toEqual([]);
    expect(partition.send(at(second(64), 0))).toMatchObject([{ kind: 'fired', time: second(0) }]);
    partition.send(at(second(0), 0), at(second(1), 0));
    expect(partition.fold.counts).toMatchObject({ observed: 66, late: 1 });
  });

  it('is closed by silence, oldest first', () => {
    const partition = new Partition([prompt({ item: { lateness: 120 } })]);
    partition.send(at(minute(1), 0), at(NOON, 100));
    expect(partition.silence(179 * SECOND)).toEqual([]);
    expect(outline(partition.tick(partition.time + SECOND))).toEqual(['fired 0']);
    expect(partition.fold.waiting).toBe(true);
  });
});

describe('N of M', () => {
  const cases: [count: number, window: number, pattern: string, expected: string | undefined][] = [
    [1, 1, 'x.', 'fired 0'],
    [1, 5, '...x.', 'fired 3'],
    [2, 5, '...x.', undefined],
    [2, 5, 'x...x.', 'fired 4'],
    [2, 5, 'x....x.', undefined],
    [2, 3, 'x x.', 'fired 2'],
    [2, 3, 'x  x.', undefined],
    [3, 3, 'xx xxx.', 'fired 5'],
    [4, 5, 'x.xxxx.', 'fired 4'],
    [3, 5, '....x.', undefined],
    [2, 40, `x${'.'.repeat(38)}x.`, 'fired 39'],
    [2, 40, `x${'.'.repeat(39)}x.`, undefined],
    [2, 1024, `x${' '.repeat(1022)}x.`, 'fired 1023'],
    [2, 1024, `x${' '.repeat(1023)}x.`, undefined],
  ];

  it.each(cases)('%d of %d over "%s" gives %s', (count, window, pattern, expected) => {
    const [first] = outline(new Partition([nOfM(count, window)]).minutes(pattern));
    expect(first).toBe(expected);
  });

  it('names the anomalies of the window, of which the first is the begin', () => {
    const [fired] = new Partition([nOfM(3, 5)]).minutes('x..x x.x.');
    expect(fired).toMatchObject({ time: minute(7), begin_time: minute(3), anomaly_timestamps: [minute(3), minute(5), minute(7)] });
  });

  it('does not count what belongs to the alert before', () => {
    const partition = new Partition([nOfM(2, 5, 1)]);
    const drafts = partition.minutes('xx...x.x.');
    expect(outline(drafts)).toEqual(['fired 1', 'recovered 6', 'fired 7']);
    expect(drafts[2]).toMatchObject({ begin_time: minute(7), anomaly_timestamps: [minute(7)] });
  });

  it('does not count the anomaly with which the alert before ended', () => {
    const [, , next] = new Partition([nOfM(2, 5)]).minutes(`xx${' '.repeat(20)}xx.`);
    expect(next).toMatchObject({ kind: 'fired', time: minute(23), begin_time: minute(23) });
  });

  it('lets the most severe level that triggers win', () => {
    const levels = ([1, 2, 3] as const).map((level) => ({ level, trigger: { count: 4 - level, check_window: 5 } }));
    const algorithms = ([1, 2, 3] as const).map((level) => above(level, 80));
    const partition = new Partition([prompt({ detects: levels, item: { algorithms } })]);
    expect(partition.minutes('x.xx.').map(({ kind, severity }) => `${kind} ${severity}`)).toEqual([
      'fired 3',
      'severity_changed 2',
      'severity_changed 1',
    ]);
  });
});

describe('recovery', () => {
  const cases: [title: string, strategy: Strategy, pattern: string, expected: string[]][] = [
    ['needs five periods without the condition', nOfM(1, 1), 'x......', ['fired 0', 'recovered 5']],
    ['counts on from when the window is clean: 1 of 5 needs nine good points', nOfM(1, 5), 'x..........', ['fired 0', 'recovered 9']],
    ['begins anew when the condition is met again', nOfM(1, 1), 'x...x......', ['fired 0', 'recovered 9']],
    ['does not need good points when the condition is unmet', nOfM(2, 5), 'xx....x....x.', ['fired 1', 'recovered 9']],
    ['is not reached by four good points of 2 of 5', nOfM(2, 5), 'xxxxx.....', ['fired 1']],
    ['counts periods without data', nOfM(1, 1), 'x    ..', ['fired 0', 'recovered 5']],
    ['counts them only where the window is clean', nOfM(1, 5), 'x       ...', ['fired 0', 'recovered 9']],
    ['comes with the next point after a long gap', nOfM(1, 5), `x${' '.repeat(200)}..`, ['fired 0', 'recovered 201']],
    ['comes even when that point is anomalous but does not suffice', nOfM(2, 5), `xx${' '.repeat(20)}x.`, ['fired 1', 'recovered 22']],
    ['does not come with a point that meets the condition', nOfM(1, 5), `x${' '.repeat(20)}x.`, ['fired 0', 'still_abnormal 21']],
    ['closes when the strategy says so', nOfM(1, 1, 2, 'close'), 'x...', ['fired 0', 'closed 2']],
  ];

  it.each(cases)('%s', (_title, strategy, pattern, expected) => {
    expect(outline(new Partition([strategy]).minutes(pattern))).toEqual(expected);
  });

  it('that closes says so', () => {
    expect(new Partition([nOfM(1, 1, 2, 'close')]).minutes('x...').at(-1)).toMatchObject({
      kind: 'closed',
      status: 'CLOSED',
      reason: 'recovered',
      description: 'closed after recovery: avg(cpu) is 0',
    });
  });
});

describe('an open alert', () => {
  const twoLevels = prompt({
    detects: [
      { level: 1, recovery: { check_window: 2 } },
      { level: 3, recovery: { check_window: 2 } },
    ],
    item: { algorithms: [above(3, 50), above(1, 90)] },
  });
  const say = (partition: Partition, values: readonly number[]) =>
    partition
      .send(...values.map((value, index) => at(minute(index), value)))
      .map(({ kind, severity, transition }) => `${transition} ${kind} ${severity}`);

  it('rises to a more severe level and stays there', () => {
    expect(say(new Partition([twoLevels]), [60, 95, 60, 95, 60, 0])).toEqual(['1 fired 3', '2 severity_changed 1']);
  });

  it('recovers by the level it has risen to', () => {
    expect(say(new Partition([twoLevels]), [60, 95, 60, 60, 0])).toEqual(['1 fired 3', '2 severity_changed 1', '3 recovered 1']);
  });

  it('says that it goes on every five minutes of data time', () => {
    expect(outline(new Partition([nOfM(1, 1)]).minutes('xxxxxxxxxxxx.'))).toEqual(['fired 0', 'still_abnormal 5', 'still_abnormal 10']);
  });

  it('is closed when no data come for half an hour', () => {
    const partition = new Partition([prompt()]);
    partition.minutes('xx');
    expect(partition.silence(30 * 60_000 - 1)).toEqual([]);
    expect(partition.tick(partition.time + 1)).toMatchObject([
      {
        kind: 'closed',
        status: 'CLOSED',
        reason: 'no_data',
        time: NOON + 30 * 60_000,
        value: null,
        severity: 2,
        transition: 2,
        anomaly_timestamps: [],
      },
    ]);
    expect(partition.fold.waiting).toBe(false);
  });

  it('is not closed while data come, however long ago it fired', () => {
    const partition = new Partition([nOfM(1, 5)]);
    partition.minutes('x');
    expect(outline(partition.silence(20 * 60_000))).toEqual(['fired 0']);
    partition.minutes('.', 1);
    expect(partition.silence(20 * 60_000)).toEqual([]);
    expect(outline(partition.silence(10 * 60_000))).toEqual(['closed 50']);
  });

  it('recovers when silence closes the bucket that ends it', () => {
    const partition = new Partition([prompt()]);
    partition.minutes('x');
    partition.silence(20 * 60_000);
    expect(partition.minutes('.', 20)).toEqual([]);
    expect(outline(partition.silence(60_000))).toEqual(['recovered 20']);
  });

  it('that was closed for no data begins anew after that, or with data older than that', () => {
    const partition = new Partition([nOfM(2, 5)]);
    partition.minutes('xxx');
    expect(outline(partition.silence(40 * 60_000))).toEqual(['closed 30']);
    expect(partition.minutes('x.', 3)).toEqual([]);
    const [late] = partition.minutes('x.', 6);
    expect(late).toMatchObject({ kind: 'fired', time: minute(6), begin_time: minute(6), anomaly_timestamps: [minute(6)] });
  });
});

describe('series', () => {
  it('are kept apart in whatever order they come', () => {
    const order = fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(order, (hosts) => {
        const partition = new Partition([prompt({ query: { aggregation: 'COUNT' }, item: { algorithms: [above(2, 0)] } })]);
        partition.send(...hosts.map((host) => at(NOON, 1, `web-${host}`)));
        const counted = partition.silence(60_000).map(({ dimensions, value }) => [dimensions['host'], value]);
        expect(counted).toEqual([...new Set(hosts)].map((host) => [`web-${host}`, hosts.filter((each) => each === host).length]));
      }),
    );
  });
});

describe('the clock of a partition', () => {
  it('does not count a downtime of ours', () => {
    const partition = new Partition([prompt()]);
    partition.minutes('xx');
    expect(partition.tick(NOON + 3_600_000)).toEqual([]);
    expect(partition.tick(NOON + 7_200_000)).toEqual([]);
  });

  it('does not go back, and what it went back is no advance later', () => {
    const partition = new Partition([prompt()]);
    partition.send(at(NOON, 100));
    for (let round = 0; round < 100; round++) expect([...partition.tick(NOON), ...partition.tick(NOON - 5_000)]).toEqual([]);
    expect(outline(partition.silence(65_000))).toEqual(['fired 0']);
  });

  it('matters to nobody while nothing is open', () => {
    const partition = new Partition([prompt()]);
    expect(partition.fold.waiting).toBe(false);
    partition.send(at(NOON, 1));
    expect(partition.fold.waiting).toBe(true);
    partition.silence(60_000);
    expect(partition.fold.waiting).toBe(false);
  });
});

describe('other rules', () => {
  const ends: [title: string, next: Strategy[], reason: string][] = [
    ['deleted', [], 'strategy_deleted'],
    ['disabled', [prompt({ version: 2, is_enabled: false })], 'strategy_disabled'],
    ['changed', [prompt({ version: 2, query: { interval: 30 } })], 'strategy_changed'],
  ];

  it.each(ends)('close the alerts of a strategy that was %s, and forget its series', (_title, next, reason) => {
    const partition = new Partition([prompt()]);
    partition.minutes('xx');
    expect(partition.rules(next, minute(7))).toMatchObject([
      { kind: 'closed', status: 'CLOSED', reason, time: minute(7), value: null, transition: 2 },
    ]);
    expect(partition.fold.sizes).toMatchObject({ series: 0, openAlerts: 0 });
    expect(partition.fold.waiting).toBe(false);
  });

  it('close them in the order of the strategies, then of the first observations', () => {
    const partition = new Partition([prompt({ id: 2 }), prompt({ id: 1 })]);
    partition.send(...[NOON, minute(1)].flatMap((time) => [at(time, 100, 'b'), at(time, 100, 'a')]));
    expect(partition.rules([]).map(({ strategy_id, labels }) => `${strategy_id} ${labels['host']}`)).toEqual(['1 b', '1 a', '2 b', '2 a']);
  });

  it('that are compatible judge what goes on, under the ids of the birth', () => {
    const partition = new Partition([prompt()]);
    const [fired] = partition.minutes('xx');
    const next = prompt({ version: 2, name: 'CPU is too high', item: { algorithms: [above(2, 200)] } });
    expect(partition.rules([next])).toEqual([]);
    expect(partition.minutes('xxxxxxx', 2)).toMatchObject([
      { kind: 'recovered', time: minute(5), alert_id: fired!.alert_id, strategy_version: 2, strategy_name: 'CPU is too high' },
    ]);
  });

  it('give a new version of a strategy a new id for the same begin', () => {
    const partition = new Partition([prompt()]);
    const [first] = partition.minutes('xx');
    partition.rules([prompt({ version: 2, query: { interval: 30 } })]);
    const [second] = partition.minutes('xx');
    expect(second).toMatchObject({ kind: 'fired', begin_time: first!.begin_time, alert_key: first!.alert_key });
    expect(second!.alert_id).not.toBe(first!.alert_id);
  });

  it('must be in force before the tick that names them', () => {
    const partition = new Partition();
    expect(() => partition.send(aTick({ raw_data: { rules_version: 2 } }))).toThrow('rule set 2 is not in force yet');
    expect(() => changeRules(partition.fold, { version: 1, strategies: [] }, NOON, () => undefined)).toThrow('rule set 1 is not newer than 1');
  });
});
