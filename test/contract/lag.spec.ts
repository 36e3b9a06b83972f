import { Command } from 'commander';
import { SourceService } from '../../src/sources/source.service.js';
import { SourceWatch } from '../../src/sources/source-watch.service.js';
import { lagCommand } from '../../src/cli/lag.js';
import { CursorRepository } from '../../src/log/cursor.repository.js';
import type { LagAnswer, LagLine } from '../../src/ops/lag/lag-answer.js';
import { SelfAlarms } from '../../src/runtime/self-alarms.service.js';
import { type Mode, modes } from '../support/binary.js';
import { eventually } from '../support/eventually.js';
import { anAdmin, ForeignCluster } from '../support/foreign-cluster.js';
import { consumes, holdGroup } from '../support/groups.js';
import { aTocsin, type TestTocsin } from '../support/tocsin.js';
import { person } from '../../src/shared/actor.js';
import { parseSource } from '../../src/access/registry/source.js';

/** A congestion is quickly found and quickly told. */
const impatient = {
  LAG_SAMPLE_MS: '100',
  LAG_FOR_MS: '300',
  LAG_THRESHOLD: '1000',
  LAG_TOPIC_THRESHOLDS: 'alerts=8,raw_events=8',
  SELF_ALARM_RENEW_MS: '1000',
  TICK_MS: '200',
  KAFKA_METADATA_MAX_AGE_MS: '500',
};

interface Ready {
  readonly status: string;
  readonly details: {
    readonly sources: { readonly problems?: Record<string, string[]> };
    readonly lag: { degraded: boolean; congested?: { group: string; topic: string; seconds: number; lag: number }[] };
  };
}

describe.each(modes)('lag and congestion, %s', (name, open) => {
  let mode: Mode;
  let tocsin: TestTocsin;
  beforeAll(async () => {
    mode = await open();
    tocsin = await aTocsin({ ...mode.settings, ...impatient });
  }, 120_000);
  afterAll(async () => {
    await tocsin?.close();
    await mode?.close();
  });

  const hold = (group: string) => holdGroup(tocsin, group);
  let sent = 0;
  /** So many alerts of an external sender, each another one. */
  const send = (count: number) =>
    tocsin.client.post(
      '/api/v2/alerts',
      Array.from({ length: count }, () => ({ labels: { alertname: 'Any', instance: `i-${sent++}` } })),
    );
  /** So many records in raw_events: one request makes one envelope for each partition. */
  const sendRecords = async (count: number) => {
    for (let i = 0; i < count; i++) await send(1);
  };
  const lag = async (query = ''): Promise<LagAnswer> => (await tocsin.client.get<LagAnswer>(`/api/v1/lag${query}`)).body;
  const sum = (lines: readonly LagLine[]): number => lines.reduce((total, line) => total + line.lag!, 0);
  const congestions = async (group: string) =>
    (await tocsin.client.alerts('?limit=100&bk_biz_id=0&name=TocsinConsumerLagHigh')).filter(({ labels }) => labels['group'] === group);
  const readiness = () => tocsin.client.get<Ready>('/health/ready');
  /** The groups that are congested; a slow moment puts another one over so low a threshold for a while. */
  const congested = async () => (await readiness()).body.details.lag.congested?.map(({ group, topic }) => `${group} ${topic}`).join();
  const metric = async (line: string): Promise<string | undefined> =>
    (await tocsin.client.get<string>('/metrics')).body
      .split('\n')
      .find((each) => each.startsWith(line))
      ?.split(' ')
      .at(-1);

  it('the lag of a paused group is the number of records published meanwhile, by partition, with members, and 0 after it resumes (O1)', async () => {
    for (const group of ['notice', 'converge']) await consumes(tocsin, group);
    const go = hold('converge');
    await send(5);
    await eventually(async () => sum((await lag('?group=converge')).partitions) === 5, 'five records of lag');
    const { partitions, total, groups, problems } = await lag('?group=converge&topic=alerts');
    expect(problems).toEqual([]);
    expect(total).toBe(5);
    expect(groups).toMatchObject([{ group: 'converge', lag: 5, catch_up_seconds: null }]);
    expect(partitions).toHaveLength(4);
    for (const line of partitions) {
      expect(line).toMatchObject({ group: 'converge', topic: 'alerts', host: expect.any(String) as string, client_id: expect.any(String) as string });
      expect(line.consumer_id).toBeTruthy();
      expect(line.lag).toBe(line.end! - (line.current ?? line.cursor));
    }
    await eventually(async () => (await lag('?group=alert')).total === 0, 'the other groups go on');
    go();
    await eventually(async () => (await lag()).total === 0, 'no lag');
    const { partitions: after } = await lag();
    expect(new Set(after.map(({ group }) => group))).toEqual(new Set(['detect', 'alert', 'converge', 'notice']));
  }, 60_000);

  it('rates and the time to catch up are those of the last minute (O1)', async () => {
    await eventually(async () => {
      await send(3);
      const { groups } = await lag('?group=alert');
      return groups[0]!.rate !== null && groups[0]!.rate > 0;
    }, 'a rate');
    await eventually(async () => (await lag('?group=alert')).groups[0]!.catch_up_seconds === 0, 'nothing to catch up');
  }, 60_000);

  it('a group that consumes an external cluster is shown as far as it is known, and spoils nothing (O1)', async () => {
    await tocsin.running.app.get(CursorRepository).claim('source.theirs', { topic: 'raw_events', partition: 77 }, 1, 42, Date.now());
    const { partitions, problems } = await lag('?group=source.theirs');
    expect(problems).toEqual([]);
    expect(partitions).toMatchObject([{ topic: 'raw_events', partition: 77, cursor: 42, current: null, end: null, lag: null, consumer_id: null }]);
  });

  it('`tocsin lag` prints the table of kafka-consumer-groups (O1)', async () => {
    const isToldAll = async () => (await lag('?group=alert')).partitions.every(({ current, end }) => (current ?? 0) === end);
    await eventually(isToldAll, 'the log to be told of all that is handled');
    const printed = await run('--url', tocsin.client.url, '--group', 'alert');
    expect(printed.split('\n')[0]!.split(/ +/)).toEqual([
      ...['GROUP', 'TOPIC', 'PARTITION', 'CURRENT-OFFSET', 'LOG-END-OFFSET', 'LAG', 'CONSUMER-ID', 'HOST', 'CLIENT-ID', 'RATE', 'CATCH-UP'],
    ]);
    const { partitions } = await lag('?group=alert');
    for (const { partition, current, end } of partitions)
      expect(printed).toMatch(new RegExp(`^alert +alerts +${partition} +${current ?? '-'} +${end} +0 `, 'm'));
    expect(partitions.filter(({ current }) => current !== null)).not.toEqual([]);
    const json = JSON.parse(await run('--url', tocsin.client.url, '--json', '--samples', '2', '--interval', '0.1')) as LagAnswer;
    expect(json.partitions.every(({ rate, group }) => rate !== null || group.startsWith('source.'))).toBe(true);
  });

  it('a group that is far behind for a while is an alert in business 0 and degraded but ready, until it has caught up (O2)', async () => {
    const go = hold('converge');
    await send(20);
    await eventually(async () => (await congestions('converge')).some(({ status }) => status === 'ABNORMAL'), 'the alert');
    expect(await congestions('converge')).toMatchObject([{ severity: 2, labels: { topic: 'alerts', alertname: 'TocsinConsumerLagHigh' } }]);
    const { status, body } = await readiness();
    expect([status, body.status]).toEqual([200, 'ok']);
    expect(body.details.lag.degraded).toBe(true);
    await eventually(async () => (await congested()) === 'converge alerts', 'nobody else to be behind');
    expect(await metric('tocsin_congestion{group="converge",topic="alerts"}')).toBe('1');
    expect(Number(await metric('tocsin_group_lag{group="converge",topic="alerts"}'))).toBeGreaterThanOrEqual(20);
    expect((await lag('?group=converge')).congestion).toMatchObject([{ group: 'converge', congested: true, threshold: 8 }]);
    go();
    await eventually(async () => (await congestions('converge')).every((each) => each.status === 'RECOVERED'), 'the alert is over');
    expect(await congestions('converge')).toMatchObject([{ end_reason: 'resolved_by_sender' }]);
    await eventually(async () => !(await readiness()).body.details.lag.degraded, 'readiness is whole again');
    expect(await metric('tocsin_congestion{group="converge",topic="alerts"}')).toBe('0');
  }, 90_000);

  it('a congestion of Detect itself is in metrics and readiness at once, and its alert comes as soon as Detect does (O2)', async () => {
    const before = (await congestions('detect')).length;
    const go = hold('detect');
    await sendRecords(12);
    await eventually(async () => (await metric('tocsin_congestion{group="detect",topic="raw_events"}')) === '1', 'the metric');
    await eventually(async () => (await congested()) === 'detect raw_events', 'nobody else to be behind');
    await eventually(async () => (await metric('tocsin_self_alarms{name="TocsinConsumerLagHigh"}')) === '1', 'one alarm');
    expect(await congestions('detect')).toHaveLength(before);
    go();
    await eventually(async () => (await congestions('detect')).some(({ status }) => status === 'RECOVERED'), 'the alert has come and is over');
  }, 90_000);

  it('an alert that is not reported after a restart ends automatically', async () => {
    const alerts = () => tocsin.client.alerts('?limit=100&bk_biz_id=0&name=TocsinTest');
    const alarm = { name: 'TocsinTest', severity: 'critical' as const, labels: { what: name }, summary: 'only a test' };
    tocsin.running.app.get(SelfAlarms).report('test', [alarm]);
    await eventually(async () => (await alerts())[0]?.status === 'ABNORMAL', 'the alert');
    expect(await alerts()).toMatchObject([{ severity: 1, labels: { what: name, severity: 'critical' } }]);
    await tocsin.restart();
    await eventually(async () => (await alerts())[0]?.status === 'RECOVERED', 'the lease runs out');
    expect(await alerts()).toMatchObject([{ end_reason: 'lease_expired' }]);
  }, 90_000);

  if (name !== 'distributed') return;

  it('the table says what Kafka itself says of offsets and members (O1)', async () => {
    await eventually(async () => (await lag()).total === 0, 'no lag');
    const prefix = mode.settings['GROUP_PREFIX']!;
    const admin = anAdmin({ brokers: process.env['KAFKA_BROKERS']!.split(',') });
    await admin.connect();
    try {
      const { partitions } = await lag('?group=alert');
      const [committed] = await admin.fetchOffsets({ groupId: `${prefix}.alert`, topics: [`${prefix}.alerts`] });
      const ends = await admin.fetchTopicOffsets(`${prefix}.alerts`);
      const { groups } = await admin.describeGroups([`${prefix}.alert`]);
      for (const { partition, current, end, consumer_id, client_id } of partitions) {
        expect(current ?? -1).toBe(Number(committed!.partitions.find((each) => each.partition === partition)!.offset));
        expect(end).toBe(Number(ends.find((each) => each.partition === partition)!.high));
        expect([consumer_id, client_id]).toEqual([groups[0]!.members[0]!.memberId, groups[0]!.members[0]!.clientId]);
      }
    } finally {
      await admin.disconnect();
    }
  }, 60_000);

  it('a source that is hindered for a minute is an alert in business 0, until it runs again (C17)', async () => {
    const foreign = new ForeignCluster({ brokers: process.env['KAFKA_BROKERS']!.split(',') });
    const topic = `late-${Date.now()}`;
    const { app } = tocsin.running;
    const shown = async () => (await readiness()).body.details.sources;
    const alerts = () => tocsin.client.alerts('?limit=100&bk_biz_id=0&name=TocsinSourceUnhealthy');
    const active = () =>
      app
        .get(SelfAlarms)
        .active()
        .map(({ name: alarm }) => alarm);
    const source = { kind: 'kafka', name: 'theirs', business: '2', cluster: { brokers: [...foreign.access.brokers] }, topics: [topic] };
    await app.get(SourceService).create(parseSource(source), { actor: person('test'), now: Date.now() });
    await eventually(async () => (await shown()).problems?.['theirs'] !== undefined, 'the problem');
    expect(await shown()).toMatchObject({ degraded: true, problems: { theirs: [`topics not found: ${topic}`] } });
    // As if it had been found a minute ago.
    app.get(SourceWatch).look(Date.now() - 60_000);
    expect(active()).not.toContain('TocsinSourceUnhealthy');
    app.get(SourceWatch).look(Date.now());
    await eventually(async () => (await alerts())[0]?.status === 'ABNORMAL', 'the alert', 120_000);
    expect(await alerts()).toMatchObject([{ severity: 2, labels: { source: 'theirs', replica: expect.any(String) as string } }]);
    await foreign.aTopic(1, topic);
    await eventually(async () => (await alerts())[0]?.status === 'RECOVERED', 'the alert is over');
    expect(await alerts()).toMatchObject([{ end_reason: 'resolved_by_sender' }]);
    expect(await shown()).toEqual({ degraded: false, running: 1, status: 'up' });
    // The next trouble has its own minute.
    await foreign.deleteTopic(topic);
    await eventually(async () => (await shown()).problems?.['theirs'] !== undefined, 'the next problem');
    app.get(SourceWatch).look(Date.now());
    expect(active()).not.toContain('TocsinSourceUnhealthy');
    await app.get(SourceService).remove('theirs', { actor: person('test'), now: Date.now() });
    await foreign.close();
  }, 180_000);

  it('two replicas publish the same alert once, and the alert survives the replica that published it (O2)', async () => {
    const alarm = { name: 'TocsinTwice', severity: 'info' as const, labels: {}, summary: 'only a test' };
    const alerts = (of: TestTocsin) => of.client.alerts('?limit=100&bk_biz_id=0&name=TocsinTwice');
    const own = await open();
    const start = (instance: string) => aTocsin({ ...own.settings, ...impatient, LEASE_MS: '900', INSTANCE_ID: instance });
    const first = await start('first');
    const second = await start('second');
    try {
      for (const each of [first, second]) each.running.app.get(SelfAlarms).report('test', [alarm]);
      await eventually(async () => (await alerts(second)).length > 0, 'the alert');
      await first.close();
      const renewed = Date.now();
      await eventually(() => Date.now() - renewed > 5 * 1000, 'more than a lease has passed');
      expect(await alerts(second)).toMatchObject([{ status: 'ABNORMAL', severity: 3 }]);
      second.running.app.get(SelfAlarms).report('test', []);
      await eventually(async () => (await alerts(second))[0]?.status === 'RECOVERED', 'it is resolved');
      expect(await alerts(second)).toMatchObject([{ end_reason: 'resolved_by_sender' }]);
    } finally {
      await second.close();
      await own.close();
    }
  }, 120_000);
});

/** What `tocsin lag` prints. */
async function run(...options: string[]): Promise<string> {
  let printed = '';
  const write = jest.spyOn(process.stdout, 'write').mockImplementation((text) => ((printed += String(text)), true));
  try {
    const program = new Command();
    lagCommand(program);
    await program.parseAsync(['node', 'tocsin', 'lag', ...options]);
  } finally {
    write.mockRestore();
  }
  return printed;
}
