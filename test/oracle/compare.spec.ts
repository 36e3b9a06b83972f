import { aMetric, aStrategy, aTick, NOON } from '../support/builders.js';
import { type AlertRow, compareRun, type Run } from './compare.js';
import { type Delivery, endedBeforeFlush } from './compare-notices.js';
import { referenceAlerts } from './detect.js';
import { historyOf, ruleSetsOf } from './histories.js';

const cpu = (seconds: number, value: number, host: string) =>
  aMetric({ timestamp: NOON + seconds * 1000, raw_data: { value, dimensions: { host } } });
const strategy = aStrategy({ query: { interval: 10 }, item: { lateness: 0 }, detects: [{ level: 2, recovery: { check_window: 1 } }] });
const broken = Buffer.from([0xff, 0xfe]);
const history = historyOf([
  aTick(),
  ...[99, 1, 99, 99].map((value, index) => cpu(index * 10, value, 'web-1')),
  cpu(0, 99, 'web-2'),
  cpu(10, 99, 'web-2'),
]);
const reference = referenceAlerts(
  [
    { partition: 0, records: history.records },
    { partition: 1, records: [{ offset: 7, value: broken }] },
  ],
  ruleSetsOf([strategy]),
  { identifyBy: 'bk_biz_id' },
);

// web-1 fires and recovers, then fires again and stays; web-2 fires and stays. The first one's end is told.
const [first, second, other] = [...reference.alerts.values()] as unknown as [AlertRow, AlertRow, AlertRow];
const firing = (key: string, receivedAt: number, ...ids: string[]): Delivery => ({
  idempotencyKey: key,
  status: 'firing',
  firing: ids,
  resolved: [],
  receivedAt,
});
const resolved = (key: string, receivedAt: number, ...ids: string[]): Delivery => ({
  idempotencyKey: key,
  status: 'resolved',
  firing: [],
  resolved: ids,
  receivedAt,
});

/** A run in which everything is as it should be. */
const good: Run = {
  reference,
  alertRows: [...reference.alerts.values()].map(({ alert_id, alert_key, status, severity, begin_time, end_time }) => ({
    ...{ alert_id, alert_key, status, severity, begin_time, end_time },
  })),
  timelineRows: reference.messages.map(({ alert_id, transition, kind, status }, position) => ({ alert_id, transition, kind, status, position })),
  deliveries: [
    firing('a', 1, first.alert_id, other.alert_id),
    { idempotencyKey: 'b', status: 'firing', firing: [other.alert_id], resolved: [first.alert_id], receivedAt: 2 },
    firing('c', 3, second.alert_id, other.alert_id),
  ],
  deadLetters: [{ topic: 'raw_events', partition: 1, offset: 7, value: broken }],
  kills: 1,
};

const violations = (changes: Partial<Run>): string[] => compareRun({ ...good, ...changes });

it('is silent about a run that left what it should', () => {
  expect([first.status, second.status, other.status]).toEqual(['RECOVERED', 'ABNORMAL', 'ABNORMAL']);
  expect(compareRun(good)).toEqual([]);
});

describe('alerts', () => {
  it('reports a lost one with the record that fired it', () => {
    expect(violations({ alertRows: good.alertRows.slice(1) })).toContain(`alert ${first.alert_id}: lost, fired by partition 0 offset 2`);
  });

  it('reports an extra and a doubled one', () => {
    const extra = { ...good.alertRows[0]!, alert_id: 'extra' };
    expect(violations({ alertRows: [...good.alertRows, extra, good.alertRows[0]!] })).toEqual([
      expect.stringContaining('alert extra: extra'),
      `alert ${first.alert_id}: two rows`,
    ]);
  });

  it.each([
    ['status', 'CLOSED'],
    ['severity', 1],
    ['begin_time', 5],
    ['end_time', null],
    ['alert_key', 'other'],
  ])('reports another %s', (field, value) => {
    const [row, ...rest] = good.alertRows;
    const changed = { ...row!, [field]: value };
    expect(violations({ alertRows: [changed, ...rest] })).toContainEqual(
      expect.stringContaining(`alert ${first.alert_id}: ${field} is ${value}, should be`),
    );
  });

  it('reports two open alerts of one key', () => {
    const both = good.alertRows.map((row) => ({ ...row, status: 'ABNORMAL' }));
    expect(violations({ alertRows: both })).toContain(`key ${first.alert_key}: 2 alerts are open`);
  });
});

describe('timelines', () => {
  const rows = good.timelineRows;

  it.each([
    ['gap', rows.slice(1)],
    ['repetition', [...rows, rows[0]!]],
    ['another status', [{ ...rows[0]!, status: 'RECOVERED' }, ...rows.slice(1)]],
    ['another order', rows.map((row, index) => ({ ...row, position: -index }))],
  ])('report a %s', (_, timelineRows) => {
    expect(violations({ timelineRows })).toContainEqual(expect.stringContaining(`alert ${first.alert_id}: timeline is [`));
  });

  it('report an alert that opens while another of its key is open', () => {
    const lastFirst = rows.map((row) => ({ ...row, position: row.alert_id === second.alert_id ? -1 : row.position }));
    expect(violations({ timelineRows: lastFirst })).toContain(
      `key ${first.alert_key}: alert ${first.alert_id} was opened while ${second.alert_id} was open`,
    );
  });

  it('report a row of an alert that should not be', () => {
    const extra = { ...rows[0]!, alert_id: 'extra', position: 99 };
    expect(violations({ timelineRows: [...rows, extra] })).toContain('alert extra: timeline of an alert that should not be');
  });
});

describe('notices', () => {
  const [opened, ended, again] = good.deliveries as [Delivery, Delivery, Delivery];

  it('report an alert that was never notified as firing, unless no notice was due', () => {
    expect(violations({ deliveries: [opened, ended] })).toEqual([`notice of alert ${second.alert_id}: never told as firing`]);
    expect(violations({ deliveries: [opened, ended], neverDue: new Set([second.alert_id]) })).toEqual([]);
  });

  it('report a resolution that was not notified, also when the alert was not due', () => {
    const neverDue = new Set([first.alert_id]);
    expect(violations({ deliveries: [opened, again], neverDue })).toEqual([expect.stringContaining('its end was not told')]);
  });

  it('report a resolution that was notified before the alert', () => {
    const early = resolved('b', 0, first.alert_id);
    expect(violations({ deliveries: [early, opened, again] })).toEqual([expect.stringContaining('its end was not told after that')]);
  });

  it('take a late repetition of an old delivery for no news', () => {
    expect(violations({ deliveries: [...good.deliveries, { ...opened, receivedAt: 9 }] })).toEqual([]);
  });

  it('report an end of an alert that is open, and an alert that should not be', () => {
    const deliveries = [...good.deliveries, resolved('d', 4, second.alert_id), firing('e', 5, 'extra')];
    expect(violations({ deliveries })).toEqual([expect.stringContaining('but it is still open'), expect.stringContaining('notice of alert extra')]);
  });

  it('report more repetitions than kills', () => {
    const twice = [...good.deliveries, { ...opened, receivedAt: 8 }, { ...opened, receivedAt: 9 }];
    expect(violations({ deliveries: twice })).toEqual(['deliveries: 2 came again under a known key, at most 1 may (kills)']);
  });

  it('report a repetition that says something else', () => {
    const changed = { ...opened, firing: [first.alert_id], receivedAt: 9 };
    expect(violations({ deliveries: [...good.deliveries, changed] })).toEqual([
      expect.stringContaining('delivery a: came again with another content'),
    ]);
    const reordered = { ...opened, firing: [...opened.firing].reverse(), receivedAt: 9 };
    expect(violations({ deliveries: [...good.deliveries, reordered] })).toEqual([]);
  });

  it('need not be for what ended within the wait for the first flush', () => {
    const seen = { joinedAt: 100, waitMs: 50 };
    const alerts = [
      { ...seen, alert_id: 'open', endedAt: null },
      { ...seen, alert_id: 'early', endedAt: 150 },
      { ...seen, alert_id: 'late', endedAt: 151 },
    ];
    expect([...endedBeforeFlush(alerts)]).toEqual(['early']);
  });
});

describe('dead letters', () => {
  const letter = good.deadLetters[0]!;

  it.each([
    ['missing', [], 'dead letter raw_events/1/7: missing, the record is not UTF-8'],
    ['changed', [{ ...letter, value: Buffer.from(broken.toString('utf8')) }], 'the bytes differ'],
    ['emptied', [{ ...letter, value: null }], 'the bytes differ'],
    ['wrong', [letter, { ...letter, topic: 'alerts' }], 'dead letter alerts/1/7: the record was not poison'],
  ])('report a %s one', (_, deadLetters, violation) => {
    expect(violations({ deadLetters })).toEqual([expect.stringContaining(violation)]);
  });

  it('may come twice', () => {
    expect(violations({ deadLetters: [letter, letter] })).toEqual([]);
  });
});
