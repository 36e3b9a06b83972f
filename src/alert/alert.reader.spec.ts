import { anAlertEvent, NOON } from '../../test/support/builders.js';
import { databases, type TestDatabase } from '../../test/support/database.js';
import type { AlertEvent } from '../topics.js';
import { AlertReader } from './alert.reader.js';
import { AlertRepository } from './alert.repository.js';
import { applyEvents } from './apply-events.js';
import { type Position, alertQuery } from './query.js';
import { parseRequest } from '../shared/parse.js';

describe.each(databases)('the list of alerts on %s', (_name, open) => {
  let on: TestDatabase;
  let reader: AlertReader;

  beforeAll(async () => {
    on = await open();
    reader = new AlertReader(on.database);
    await store(
      alert('disk', { begin_time: NOON + 1, severity: 1, labels: { host: 'web-1', rack: 'r7' } }),
      alert('cpu', { begin_time: NOON + 2, labels: { host: 'web-1' } }),
      alert('upper', { begin_time: NOON + 3, alert_name: 'CPU IS HIGH', labels: { host: 'WEB-1' } }),
      alert('tricky', { begin_time: NOON + 4, labels: { text: 'say "host":"web-1"', percent: '100%' } }),
      alert('over', { begin_time: NOON + 5, status: 'RECOVERED', kind: 'recovered', transition: 1, labels: { host: 'db-1' } }),
      alert('other', { begin_time: NOON + 6, bk_biz_id: '3', strategy_id: 9, severity: 3, labels: { alertname: 'Custom', severity: 'page' } }),
    );
  });
  afterAll(() => on.close());

  const alert = (name: string, fields: Partial<AlertEvent>): AlertEvent => anAlertEvent({ alert_id: name, alert_key: `key-${name}`, ...fields });
  const store = (...events: AlertEvent[]): Promise<void> =>
    on.database.transaction(() => new AlertRepository(on.database).save([], applyEvents([], events, NOON).created));
  const ids = async (query: Record<string, unknown>): Promise<string[]> =>
    (await reader.page(parseRequest(alertQuery, query))).alerts.map(({ alert_id }) => alert_id);

  it('is newest first', async () => {
    expect(await ids({})).toEqual(['other', 'over', 'tricky', 'upper', 'cpu', 'disk']);
  });

  it.each([
    [{ status: 'RECOVERED' }, ['over']],
    [{ status: 'ABNORMAL', severity: '1,3' }, ['other', 'disk']],
    [{ bk_biz_id: '3' }, ['other']],
    [{ strategy_id: '9' }, ['other']],
    [{ acknowledged: 'true' }, []],
    [{ name: 'CPU IS HIGH' }, ['upper']],
    [{ from: String(NOON + 2), to: String(NOON + 4) }, ['upper', 'cpu']],
    [{ filter: 'host="web-1"' }, ['cpu', 'disk']],
    [{ filter: ['host=web-1', 'rack=r7'] }, ['disk']],
    [{ filter: 'host!=web-1', bk_biz_id: '2' }, ['over', 'tricky', 'upper']],
    [{ filter: 'host=""' }, ['other', 'tricky']],
    [{ filter: 'percent="100%"' }, ['tricky']],
    [{ filter: String.raw`text="say \"host\":\"web-1\""` }, ['tricky']],
    [{ filter: 'severity=fatal' }, ['disk']],
    [{ filter: 'severity=page' }, ['other']],
    [{ filter: 'alertname=Custom' }, ['other']],
    [{ filter: 'bk_biz_id=3' }, ['other']],
  ])('with %j', async (query, expected) => {
    expect(await ids(query)).toEqual(expected);
  });

  it('continues after the previous page while newer alerts arrive', async () => {
    const query = parseRequest(alertQuery, { limit: '2', filter: 'host!=nobody' });
    const seen: string[] = [];
    let after: Position | undefined;
    for (let pages = 0; pages < 10; pages++) {
      const { alerts, next } = await reader.page({ ...query, ...(after && { after }) });
      seen.push(...alerts.map(({ alert_id }) => alert_id));
      await store(alert(`new-${pages}`, { begin_time: NOON + 100 + pages }));
      if (!next) break;
      after = next;
    }
    expect(seen).toEqual(['other', 'over', 'tricky', 'upper', 'cpu', 'disk']);
  });

  it('orders alerts with the same timestamp', async () => {
    await store(...['s1', 's2', 's3', 's4', 's5'].map((name) => alert(name, { begin_time: 1000 })));
    const query = parseRequest(alertQuery, { limit: '2', to: '2000' });
    const first = await reader.page(query);
    const second = await reader.page({ ...query, after: first.next! });
    const third = await reader.page({ ...query, after: second.next! });
    expect([first, second, third].map(({ alerts }) => alerts.map(({ alert_id }) => alert_id))).toEqual([['s5', 's4'], ['s3', 's2'], ['s1']]);
    expect(third.next).toBeUndefined();
  });

  it('has no next page behind a page that is just full', async () => {
    expect((await reader.page(parseRequest(alertQuery, { limit: '1', status: 'RECOVERED' }))).next).toBeUndefined();
  });

  it('scans a bounded number of rows for a rare label, and returns a cursor to continue', async () => {
    const crowd = Array.from({ length: 700 }, (_, index) => alert(`crowd-${index}`, { begin_time: 10_000 + index, labels: { rack: 'r1' } }));
    await store(...crowd, alert('rare', { begin_time: 9_999, labels: { rack: 'r2' } }));
    const query = parseRequest(alertQuery, { filter: 'rack!=r1', from: '9999', to: '50000' });
    const first = await reader.page(query, 500);
    expect(first.alerts).toEqual([]);
    const second = await reader.page({ ...query, after: first.next! }, 500);
    expect(second.alerts.map(({ alert_id }) => alert_id)).toEqual(['rare']);
    expect(second.next).toBeUndefined();
    expect((await reader.page(parseRequest(alertQuery, { filter: 'rack=r2' }))).alerts).toHaveLength(1);
  });
});
