import { anAlertEvent, NOON } from '../../test/support/builders.js';
import { databases, type TestDatabase } from '../../test/support/database.js';
import { PublishedMessages } from '../../test/support/notices.js';
import type { Publisher } from '../log/publisher.service.js';
import type { AlertEvent } from '../topics.js';
import { AlertReader } from './alert.reader.js';
import { AlertRepository } from './alert.repository.js';
import { AlertService } from './alert.service.js';
import { TimelineRepository } from '../database/timeline.repository.js';
import { person } from '../shared/actor.js';
import { AuditService } from '../database/audit.service.js';

const hosts = Array.from({ length: 1000 }, (_, index) => `host-${index}`);
const fired = (host: string, overrides: Partial<AlertEvent> = {}): AlertEvent =>
  anAlertEvent({ alert_id: `alert-${host}`, alert_key: `key-${host}`, dimensions: { host }, labels: { host }, ...overrides });
const recovered = (host: string, overrides: Partial<AlertEvent> = {}): AlertEvent =>
  fired(host, { transition: 2, kind: 'recovered', status: 'RECOVERED', time: NOON + 60_000, ...overrides });

describe.each(databases)('alerts on %s', (_name, open) => {
  let on: TestDatabase;
  let published: PublishedMessages;
  let reader: AlertReader;
  let service: AlertService;

  beforeAll(async () => {
    on = await open();
  });
  afterAll(() => on.close());

  beforeEach(async () => {
    await on.database.transaction(async () => {
      for (const table of ['alert', 'alert_timeline']) await on.database.execute(`DELETE FROM ${table}`);
    });
    published = new PublishedMessages(on.database);
    reader = new AlertReader(on.database);
    const timelines = new TimelineRepository(on.database);
    service = new AlertService(
      on.database,
      new AlertRepository(on.database),
      timelines,
      published as unknown as Publisher,
      new AuditService(on.database),
    );
  });
  afterEach(() => jest.restoreAllMocks());

  const apply = (...events: AlertEvent[]) => on.database.transaction(() => service.apply(events, NOON + 1));
  const whats = async (id: string): Promise<string[]> => (await reader.timeline(id, 100)).map(({ what, actor }) => `${what} by ${actor}`);

  it('are stored as the messages say, and read back the same', async () => {
    const event = fired('web-1', {
      value: 0.1 + 0.2,
      description: '温度 > 80 🔥',
      labels: { host: 'web-1', quote: '"\\' },
      generator_url: 'http://x/y',
    });
    await apply(event);
    const alert = (await reader.find('alert-web-1'))!;
    expect(alert).toMatchObject({
      value: 0.1 + 0.2,
      description: '温度 > 80 🔥',
      labels: { host: 'web-1', quote: '"\\' },
      generator_url: 'http://x/y',
      status: 'ABNORMAL',
      begin_time: NOON,
      end_time: null,
      is_acknowledged: false,
      is_shielded: false,
      created_at: NOON + 1,
    });
    await apply(recovered('web-1'));
    expect(await reader.find('alert-web-1')).toEqual({
      ...alert,
      status: 'RECOVERED',
      end_time: NOON + 60_000,
      end_reason: 'threshold',
      latest_time: NOON + 60_000,
      transition_no: 2,
      value: 95,
      description: 'avg(cpu) = 95 > 80',
    });
    expect(await whats('alert-web-1')).toEqual(['created by detect', 'recovered by detect']);
  });

  it('publish every state change', async () => {
    await apply(fired('web-1'), fired('web-1', { transition: 2, kind: 'still_abnormal' }), recovered('web-1', { transition: 3 }));
    expect(published.messages).toMatchObject([
      { topic: 'alert_status', message: { alert_key: 'key-web-1', what: 'created', to: 'ABNORMAL' } },
      { topic: 'alert_status', message: { alert_key: 'key-web-1', what: 'recovered', to: 'RECOVERED' } },
    ]);
  });

  it('are not changed by redelivered messages', async () => {
    await apply(fired('web-1'), recovered('web-1'));
    const before = await reader.find('alert-web-1');
    const changes = await apply(fired('web-1'), recovered('web-1'));
    expect(changes.ignored).toEqual({ already_applied: 2 });
    expect(await reader.find('alert-web-1')).toEqual(before);
    expect(await whats('alert-web-1')).toHaveLength(2);
    expect(published.messages).toHaveLength(2);
  });

  it('make room for the next one of their key, in the same batch and in a later one', async () => {
    await apply(fired('web-1'), recovered('web-1'), fired('web-1', { alert_id: 'second' }));
    await apply(recovered('web-1', { alert_id: 'second' }), fired('web-1', { alert_id: 'third' }));
    const rows = await on.database.query('SELECT alert_id, open_key FROM alert ORDER BY alert_id');
    expect(rows.map((row) => ({ ...row }))).toEqual([
      { alert_id: 'alert-web-1', open_key: null },
      { alert_id: 'second', open_key: null },
      { alert_id: 'third', open_key: 'key-web-1' },
    ]);
  });

  it('never block the next one of their key, even if their end got lost', async () => {
    await apply(fired('web-1'));
    await apply(fired('web-1', { alert_id: 'second' }));
    expect(await reader.find('alert-web-1')).toMatchObject({ status: 'CLOSED', end_reason: 'superseded' });
    expect(await reader.find('second')).toMatchObject({ status: 'ABNORMAL' });
    expect(await whats('alert-web-1')).toEqual(['created by detect', 'closed by tocsin']);
  });

  it('are at most one open for each key, whatever bug there is', async () => {
    await apply(fired('web-1'));
    const second = { ...(await reader.find('alert-web-1'))!, alert_id: 'second' };
    await expect(on.database.transaction(() => new AlertRepository(on.database).save([], [second]))).rejects.toThrow(/unique|duplicate/i);
    expect(await reader.find('second')).toBeUndefined();
    expect(await reader.find('alert-web-1')).toMatchObject({ status: 'ABNORMAL' });
  });

  it('cost the same few statements for a thousand messages as for one', async () => {
    const statements = jest.spyOn(on.database, 'query');
    const writes = jest.spyOn(on.database, 'execute');
    const count = async (events: AlertEvent[]): Promise<number> => {
      statements.mockClear();
      writes.mockClear();
      await apply(...events);
      return statements.mock.calls.length + writes.mock.calls.length;
    };
    expect(await count([fired('web-1')])).toBe(4);
    expect(await count(hosts.map((host) => fired(host)))).toBe(4);
    expect(await count(hosts.map((host) => recovered(host)))).toBe(3);
    expect(await reader.findByIds(hosts.map((host) => `alert-${host}`))).toHaveLength(1000);
  });

  it('take the commands of people', async () => {
    await apply(fired('web-1'));
    await service.acknowledge('alert-web-1', { comment: 'on it' }, person('ann'), NOON + 2);
    await service.comment('alert-web-1', { text: 'disk swapped' }, person('ann'), NOON + 3);
    await service.unacknowledge('alert-web-1', {}, person('bob'), NOON + 4);
    const closed = await service.close('alert-web-1', { reason: 'a drill' }, person('bob'), NOON + 5);
    expect(await reader.find('alert-web-1')).toEqual(closed);
    expect(closed).toMatchObject({ status: 'CLOSED', end_time: NOON + 5, end_reason: 'by hand', is_acknowledged: false });
    expect(await whats('alert-web-1')).toEqual([
      'created by detect',
      'acknowledged by ann',
      'commented by ann',
      'unacknowledged by bob',
      'closed by bob',
    ]);
    expect(published.messages.map(({ message }) => (message as { what: string }).what)).toEqual([
      'created',
      'acknowledged',
      'commented',
      'unacknowledged',
      'closed',
    ]);
  });

  it('stay closed by hand, whatever Detect says later, and their key is free', async () => {
    await apply(fired('web-1'));
    await service.close('alert-web-1', { reason: 'a drill' }, person('ann'), NOON + 2);
    const changes = await apply(fired('web-1', { transition: 2, kind: 'severity_changed', severity: 1 }), fired('web-1', { alert_id: 'second' }));
    expect(changes.ignored).toEqual({ ended: 1 });
    expect(await reader.find('alert-web-1')).toMatchObject({ status: 'CLOSED', severity: 2, transition_no: 1 });
    expect(await reader.find('second')).toMatchObject({ status: 'ABNORMAL' });
  });

  it('reject commands for ended and for unknown alerts', async () => {
    await apply(fired('web-1'), recovered('web-1'));
    await expect(service.acknowledge('alert-web-1', {}, person('ann'), NOON)).rejects.toMatchObject({ code: 'T3002', status: 409 });
    await expect(service.close('nobody', { reason: 'x' }, person('ann'), NOON)).rejects.toMatchObject({ code: 'T3001', status: 404 });
    expect(await whats('alert-web-1')).toEqual(['created by detect', 'recovered by detect']);
  });

  it('keep both when a person and Detect change one at the same time', async () => {
    await apply(fired('web-1'));
    await Promise.all([
      service.acknowledge('alert-web-1', {}, person('ann'), NOON + 2),
      apply(fired('web-1', { transition: 2, kind: 'still_abnormal', value: 99 })),
      service.comment('alert-web-1', { text: 'seen' }, person('bob'), NOON + 2),
    ]);
    expect(await reader.find('alert-web-1')).toMatchObject({ is_acknowledged: true, value: 99, transition_no: 2 });
    expect((await whats('alert-web-1')).sort()).toEqual(['acknowledged by ann', 'commented by bob', 'created by detect']);
  });
});
