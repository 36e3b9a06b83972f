import { parseConfig } from '../config.js';
import type { EventLog, OutgoingRecord } from '../log/event-log.js';
import { jsonSerializer } from '../log/serializer.js';
import { topics } from '../topics.js';
import { eventually } from '../../test/support/eventually.js';
import { Metrics } from './metrics.service.js';
import { SelfAlarms } from './self-alarms.service.js';

describe('alarms of Tocsin about itself', () => {
  const published: OutgoingRecord[] = [];
  let tries = 0;
  let down = false;
  let alarms: SelfAlarms;
  const log = {
    serializer: jsonSerializer,
    publish: (topic: string, records: readonly OutgoingRecord[]) => {
      expect(topic).toBe('raw_events');
      tries++;
      if (down) return Promise.reject(new Error('no broker answers'));
      published.push(...records);
      return Promise.resolve();
    },
  };
  const make = (): void => {
    const config = parseConfig({ SELF_ALARM_RENEW_MS: '400' });
    alarms = new SelfAlarms(log as unknown as EventLog, new Metrics(), config);
  };
  /** The only replica: it becomes the leader at once. */
  const start = (): void => {
    make();
    void alarms.lead();
    alarms.publishing().start();
  };
  beforeEach(() => {
    published.length = 0;
    tries = 0;
    down = false;
  });
  afterEach(() => alarms.publishing().stop());

  const anAlarm = (what: string) => ({ name: 'TocsinTest', severity: 'critical' as const, labels: { what }, summary: `${what} is wrong` });
  const events = () =>
    published.map(({ value }) => topics.rawEvents.parse(JSON.parse(String(value)))).map((event) => event as Record<string, unknown>);

  it('are external alerts of business 0 that a stage can read, keyed as every event of it', async () => {
    start();
    alarms.report('test', [anAlarm('disk')]);
    await eventually(() => published.length === 1, 'the event');
    expect(published[0]!.key).toBe('0');
    expect(events()).toMatchObject([
      {
        event_type: 'alert',
        bk_biz_id: '0',
        event_source: 'tocsin',
        raw_data: { labels: { alertname: 'TocsinTest', severity: 'critical', what: 'disk' }, annotations: { summary: 'disk is wrong' } },
      },
    ]);
    await eventually(() => published.length === 2, 'the renewal');
    expect(new Set(events().map(({ event_id }) => event_id)).size).toBe(2);
  });

  it('never throw to their reporters and do not accumulate while the log is down; afterwards the latest state is published', async () => {
    start();
    down = true;
    for (let i = 0; i < 1000; i++) alarms.report('test', [anAlarm(`disk-${i % 10}`)]);
    await eventually(() => tries >= 1, 'a try');
    for (let i = 0; i < 1000; i++) alarms.report('test', [anAlarm(`disk-${i % 10}`)]);
    expect(tries).toBeLessThan(10);
    down = false;
    await eventually(() => published.length > 0, 'the log has it');
    const firing = events().filter(({ raw_data, timestamp }) => (raw_data as { endsAt: number }).endsAt > (timestamp as number));
    expect(firing).toMatchObject([{ raw_data: { labels: { what: 'disk-9' } } }]);
    expect(published.length).toBeLessThanOrEqual(10);
  });

  it('are silent in a process that only answers a command', async () => {
    make();
    alarms.report('test', [anAlarm('disk')]);
    expect(alarms.active()).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(tries).toBe(0);
  });
});
