import { anAlertEvent, NOON } from '../../test/support/builders.js';
import { databases, type TestDatabase } from '../../test/support/database.js';
import { AlertReader } from './alert.reader.js';
import { AlertRepository } from './alert.repository.js';
import { OpenAlertsCheck } from './partition-expansion-check.service.js';
import { applyEvents } from './apply-events.js';

describe.each(databases)('more partitions of raw_events on %s', (_name, open) => {
  let on: TestDatabase;
  beforeAll(async () => {
    on = await open();
    const alert = (id: string, business: string, status: 'ABNORMAL' | 'RECOVERED' = 'ABNORMAL') =>
      anAlertEvent({ alert_id: id, alert_key: `key-${id}`, bk_biz_id: business, status, kind: status === 'ABNORMAL' ? 'fired' : 'recovered' });
    const events = [alert('a', '2'), alert('b', '2'), alert('c', '3'), alert('d', '4', 'RECOVERED')];
    await on.database.transaction(() => new AlertRepository(on.database).save([], applyEvents([], events, NOON).created));
  });
  afterAll(() => on.close());

  const asked = (key: 'bk_biz_id' | 'event_source', moves: (key: string) => boolean): Promise<string[]> =>
    new OpenAlertsCheck(new AlertReader(on.database), { PARTITION_KEY: key } as never).openAlerts(moves);

  it('leave behind the open alerts of businesses that move, and only those', async () => {
    expect(await asked('bk_biz_id', (key) => key === '2')).toEqual([
      expect.stringContaining('2 open alerts of businesses that move to another partition (2)'),
    ]);
    expect(await asked('bk_biz_id', (key) => key === '4')).toEqual([]);
  });

  it('may leave behind any open alert where the event source is the key', async () => {
    expect(await asked('event_source', () => false)).toEqual([expect.stringContaining('3 open alerts')]);
  });
});
