import { anExternalAlert, NOON } from '../../test/support/builders.js';
import { minute, outline, Partition } from '../../test/support/partition.js';
import { canonical, identity } from '../shared/identity.js';
import type { ExternalAlert } from '../topics.js';

type Raw = Partial<ExternalAlert['raw_data']>;

const MINUTE = 60_000;
const labels = { alertname: 'DiskFull', instance: 'web-1', severity: 'warning' };
const key = identity('external', '2', canonical(labels));

/** Sent at this minute, started a minute before noon, active for five minutes unless overridden. */
const sent = (count: number, raw_data: Raw = {}) =>
  anExternalAlert({ timestamp: minute(count), raw_data: { labels, startsAt: minute(-1), endsAt: minute(count + 5), ...raw_data } });
const resolved = (count: number, endsAt = minute(count)) => sent(count, { endsAt });

describe('an alert of an external sender', () => {
  it('fires with what the sender said', () => {
    const annotations = { summary: 'the disk is full', runbook: 'none' };
    const drafts = new Partition().send(sent(0, { annotations, generatorURL: 'http://prometheus/graph' }));
    const alert_id = identity(key, 0, NOON);
    expect(drafts).toEqual([
      {
        event_id: identity(alert_id, 1),
        alert_id,
        alert_key: key,
        transition: 1,
        kind: 'fired',
        reason: 'fired_by_sender',
        bk_biz_id: '2',
        strategy_id: 0,
        strategy_version: 0,
        strategy_name: '',
        alert_name: 'DiskFull',
        status: 'ABNORMAL',
        severity: 2,
        target_type: '',
        target: '',
        dimensions: labels,
        labels,
        annotations,
        metric: '',
        value: null,
        description: 'the disk is full',
        anomaly_timestamps: [minute(-1)],
        begin_time: minute(-1),
        time: NOON,
        generator_url: 'http://prometheus/graph',
      },
    ]);
  });

  it.each([
    [{ summary: 'a', description: 'b' }, 'a'],
    [{ description: 'b' }, 'b'],
    [{}, 'DiskFull'],
  ])('with the annotations %j is described as %s', (annotations, description) => {
    expect(new Partition().send(sent(0, { annotations: annotations as Record<string, string> }))).toMatchObject([{ description }]);
  });

  it.each([
    ['critical', 1],
    ['fatal', 1],
    ['page', 1],
    ['error', 1],
    ['1', 1],
    ['warning', 2],
    ['2', 2],
    ['Critical', 2],
    ['toString', 2],
    ['', 2],
    ['info', 3],
    ['remind', 3],
    ['notice', 3],
    ['none', 3],
    ['3', 3],
  ])('with the severity label "%s" has severity %d', (severity, expected) => {
    expect(new Partition().send(sent(0, { labels: { severity } }))).toMatchObject([{ severity: expected }]);
  });

  it('is told apart by its source only where raw events are keyed by it', () => {
    const both = [anExternalAlert({ event_source: 'a' }), anExternalAlert({ event_source: 'b' })];
    expect(new Partition().send(...both)).toHaveLength(1);
    expect(new Partition([], 'event_source').send(...both)).toHaveLength(2);
  });

  it('that was resolved before it was known says nothing', () => {
    const partition = new Partition();
    expect(partition.send(resolved(0))).toEqual([]);
    expect(partition.fold.sizes.leases).toBe(0);
  });
});

describe('a lease', () => {
  it('is renewed in silence', () => {
    const partition = new Partition();
    const drafts = [partition.send(sent(0))];
    for (let count = 1; count <= 20; count++) drafts.push(partition.silence(MINUTE), partition.send(sent(count)));
    expect(outline(drafts.flat())).toEqual(['fired 0']);
  });

  it('expires on the clock of the partition', () => {
    const partition = new Partition();
    partition.send(sent(0));
    expect(partition.silence(5 * MINUTE - 1)).toEqual([]);
    expect(partition.tick(minute(5))).toMatchObject([
      { kind: 'recovered', status: 'RECOVERED', reason: 'lease_expired', time: minute(5), transition: 2, begin_time: minute(-1) },
    ]);
    expect(partition.fold.waiting).toBe(false);
  });

  it('does not expire while we are down or behind', () => {
    const partition = new Partition();
    partition.send(sent(0));
    expect(partition.tick(minute(60))).toEqual([]);
    expect(partition.tick(minute(120))).toEqual([]);
  });

  it('is shortened by a shorter one when its end was only estimated', () => {
    const partition = new Partition();
    partition.send(sent(0, { timeout: true }), sent(0, { endsAt: minute(2) }));
    expect(outline(partition.silence(3 * MINUTE))).toEqual(['recovered 2']);
  });

  it.each([true, undefined])('keeps an explicit end that is later than the new one (timeout %s)', (timeout) => {
    const partition = new Partition();
    partition.send(sent(0), sent(0, { endsAt: minute(2), timeout }));
    expect(outline(partition.silence(6 * MINUTE))).toEqual(['recovered 5']);
  });

  it('may be prolonged by an estimated end, which then counts as such', () => {
    const partition = new Partition();
    partition.send(sent(0), sent(0, { endsAt: minute(9), timeout: true }), sent(0, { endsAt: minute(3), timeout: true }));
    expect(outline(partition.silence(9 * MINUTE))).toEqual(['recovered 3']);
  });

  it('whose explicit end is not later than an estimated one is estimated from then on', () => {
    const partition = new Partition();
    partition.send(sent(0), sent(0, { timeout: true }), sent(0, { endsAt: minute(3), timeout: true }));
    expect(outline(partition.silence(5 * MINUTE))).toEqual(['recovered 3']);
  });

  it('ends when the sender resolves it, at the time he says', () => {
    const partition = new Partition();
    partition.send(sent(0));
    expect(partition.send(resolved(3, minute(2)))).toMatchObject([
      { kind: 'recovered', reason: 'resolved_by_sender', time: minute(2), transition: 2, begin_time: minute(-1) },
    ]);
  });

  it('is not ended by what is said of an older occurrence', () => {
    const partition = new Partition();
    partition.send(sent(0));
    expect(partition.send(resolved(1, minute(-1)))).toEqual([]);
    expect(partition.fold.waiting).toBe(true);
  });

  it('tells other annotations, but not more often than every five minutes', () => {
    const partition = new Partition();
    const says = (count: number, summary: string) => partition.send(sent(count, { annotations: { summary } }));
    expect(outline(says(0, 'a'))).toEqual(['fired 0']);
    expect(outline([...says(4, 'b'), ...says(6, 'a'), ...says(7, 'c'), ...says(8, 'd')])).toEqual(['still_abnormal 7']);
    expect(partition.drafts.at(-1)).toMatchObject({ reason: 'annotations_changed', description: 'c', transition: 2 });
  });
});

describe('an ended key', () => {
  it('fires again as another alert, even in the same moment', () => {
    const partition = new Partition();
    const drafts = partition.send(sent(0), resolved(0), sent(0), resolved(0), sent(0));
    const ids = drafts.filter(({ kind }) => kind === 'fired').map(({ alert_id }) => alert_id);
    expect(ids).toEqual([NOON, NOON + 1, NOON + 2].map((first) => identity(key, 0, first)));
  });

  it('is remembered for an hour after its last message', () => {
    const partition = new Partition();
    partition.send(sent(0), resolved(1));
    partition.tick(minute(61) - 1);
    expect(partition.fold.sizes.leases).toBe(1);
    partition.tick(minute(61));
    expect(partition.fold.sizes.leases).toBe(0);
  });

  it('stands behind the others in the order of opening when it fires again', () => {
    const partition = new Partition();
    const of = (instance: string, endsAt = minute(5)) => sent(0, { labels: { instance }, endsAt });
    partition.send(of('a'), of('b'), of('a', NOON), of('a'));
    expect(partition.silence(5 * MINUTE).map((draft) => draft.labels['instance'])).toEqual(['b', 'a']);
  });
});
