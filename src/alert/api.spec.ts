import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { anAlertEvent, NOON } from '../../test/support/builders.js';
import { aSqlite, type TestDatabase } from '../../test/support/database.js';
import { aGroup, aResolvedGroup, PublishedMessages } from '../../test/support/notices.js';
import { SettingsModule } from '../app/settings.module.js';
import { parseConfig } from '../config.js';
import { DatabaseModule } from '../database/database.module.js';
import { configureHttp, createHttpAdapter } from '../http/http-server.service.js';
import { Publisher } from '../log/publisher.service.js';
import { NoticeModule } from '../notice/notice.module.js';
import { AlertModule } from './alert.module.js';
import { AlertService } from './alert.service.js';
import { NoticeService } from '../notice/notice.service.js';

describe('the API of alerts, receivers and notices', () => {
  let on: TestDatabase;
  let app: NestFastifyApplication;

  beforeAll(async () => {
    on = await aSqlite();
    const config = parseConfig({});
    const module = await Test.createTestingModule({
      imports: [SettingsModule.with(config), DatabaseModule.with(on.database), AlertModule, NoticeModule],
    })
      .overrideProvider(Publisher)
      .useValue(new PublishedMessages(on.database))
      .compile();
    app = module.createNestApplication<NestFastifyApplication>(createHttpAdapter(config), { bodyParser: false, logger: false });
    configureHttp(app, config);
    await app.init();
    const events = ['a', 'b', 'c'].map((name, index) =>
      anAlertEvent({ alert_id: name, alert_key: `key-${name}`, begin_time: NOON + index, labels: { host: `web-${index}` } }),
    );
    await on.database.transaction(() => app.get(AlertService).apply(events, NOON));
  });
  afterAll(async () => {
    await app.close();
    await on.close();
  });

  async function call<T = Record<string, unknown>>(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    url: string,
    body?: unknown,
  ): Promise<{ status: number; body: T }> {
    const sent = body === undefined ? {} : { payload: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const { statusCode, payload } = await app.inject({ method, url, ...sent });
    return { status: statusCode, body: (payload ? JSON.parse(payload) : undefined) as T };
  }
  interface Page {
    alerts: { alert_id: string }[];
    next_cursor: string | null;
  }

  it('lists alerts page by page', async () => {
    const first = await call<Page>('GET', '/api/v1/alerts?limit=2');
    expect(first.body.alerts.map(({ alert_id }) => alert_id)).toEqual(['c', 'b']);
    const second = await call<Page>('GET', `/api/v1/alerts?limit=2&cursor=${first.body.next_cursor}`);
    expect(second.body).toMatchObject({ alerts: [{ alert_id: 'a' }], next_cursor: null });
  });

  it('takes label matchers as people type them', async () => {
    expect((await call('GET', '/api/v1/alerts?filter=host="web-1"&filter=rack!=r7')).body).toMatchObject({ alerts: [{ alert_id: 'b' }] });
    expect((await call('GET', `/api/v1/alerts?filter=${encodeURIComponent('host!="web-1"')}&severity=2,fatal`)).body).toMatchObject({
      alerts: [{ alert_id: 'c' }, { alert_id: 'a' }],
    });
  });

  it('says what is wrong with a question', async () => {
    const { status, body } = await call('GET', '/api/v1/alerts?filter=host=~"web.*"');
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { code: 'T3003', message: expect.stringContaining('regular expressions') as string } });
  });

  it('shows one alert with its timeline, and the timeline page by page', async () => {
    await call('POST', '/api/v1/alerts/a/comment', { by: 'ann', text: 'hm' });
    expect((await call('GET', '/api/v1/alerts/a')).body).toMatchObject({
      alert_id: 'a',
      timeline: [{ what: 'created' }, { what: 'commented', actor: 'ann' }],
    });
    const first = await call('GET', '/api/v1/alerts/a/timeline?limit=1');
    expect(first.body).toMatchObject({ timeline: [{ what: 'created' }] });
    const second = await call('GET', `/api/v1/alerts/a/timeline?cursor=${first.body['next_cursor'] as string}`);
    expect(second.body).toMatchObject({ timeline: [{ what: 'commented' }], next_cursor: null });
  });

  it('takes commands, and refuses those that cannot be', async () => {
    expect(await call('POST', '/api/v1/alerts/b/acknowledge', { by: 'ann' })).toMatchObject({
      status: 200,
      body: { is_acknowledged: true, acknowledged_by: 'ann' },
    });
    expect(await call('POST', '/api/v1/alerts/b/unacknowledge', { by: 'ann' })).toMatchObject({ status: 200, body: { is_acknowledged: false } });
    expect(await call('POST', '/api/v1/alerts/b/close', { by: 'ann', reason: 'a drill' })).toMatchObject({ status: 200, body: { status: 'CLOSED' } });
    expect(await call('POST', '/api/v1/alerts/b/close', { by: 'ann', reason: 'again' })).toMatchObject({
      status: 409,
      body: { error: { code: 'T3002' } },
    });
    expect(await call('POST', '/api/v1/alerts/nobody/comment', { by: 'ann', text: 'x' })).toMatchObject({
      status: 404,
      body: { error: { code: 'T3001' } },
    });
    expect(await call('POST', '/api/v1/alerts/a/acknowledge', { who: 'ann' })).toMatchObject({ status: 400, body: { error: { code: 'T1101' } } });
    expect(await call('GET', '/api/v1/alerts/nobody')).toMatchObject({ status: 404, body: { error: { code: 'T3001' } } });
  });

  it('keeps receivers', async () => {
    const { status, body } = await call('POST', '/api/v1/receivers', { name: 'ops', channel: 'console' });
    expect(status).toBe(201);
    const url = `/api/v1/receivers/${body['id'] as number}`;
    expect(await call('POST', '/api/v1/receivers', { name: 'ops', channel: 'console' })).toMatchObject({
      status: 409,
      body: { error: { code: 'T4007' } },
    });
    expect(await call('PUT', url, { name: 'ops', channel: 'webhook' })).toMatchObject({
      status: 400,
      body: { error: { code: 'T4001', details: [{ field: 'settings.url' }] } },
    });
    expect(await call('PUT', url, { name: 'operators', channel: 'console' })).toMatchObject({ status: 200, body: { name: 'operators' } });
    expect(await call('GET', '/api/v1/receivers')).toMatchObject({ status: 200, body: { receivers: [{ name: 'operators' }] } });
    expect(await call('DELETE', url)).toMatchObject({ status: 204 });
    expect(await call('GET', url)).toMatchObject({ status: 404, body: { error: { code: 'T4002' } } });
    expect(await call('GET', '/api/v1/receivers/first')).toMatchObject({ status: 404 });
  });

  it('lists notices and their dead letters, and replays only those', async () => {
    await call('POST', '/api/v1/receivers', { name: 'ops', channel: 'console' });
    await on.database.transaction(() => app.get(NoticeService).receive([aGroup(), aResolvedGroup()], NOON));
    const { body } = await call<{ notices: { id: number }[]; next_cursor: string }>('GET', '/api/v1/notices?state=pending,dead&limit=1');
    expect(body).toMatchObject({ notices: [{ receiver: 'ops', sequence: 2, state: 'pending' }], next_cursor: expect.any(String) as string });
    const { next_cursor } = body;
    expect((await call('GET', `/api/v1/notices?limit=1&cursor=${next_cursor}`)).body).toMatchObject({
      notices: [{ sequence: 1 }],
      next_cursor: null,
    });
    expect(await call('GET', '/api/v1/notices?cursor=7')).toMatchObject({ status: 400, body: { error: { code: 'T3003' } } });
    const id = body.notices[0]!.id;
    expect((await call('GET', '/api/v1/notices?state=dead')).body).toEqual({ notices: [], next_cursor: null });
    expect((await call('GET', `/api/v1/notices/${id}`)).body).toMatchObject({ id, group: { converge_id: 'group-1' } });
    expect(await call('POST', `/api/v1/notices/${id}/replay`)).toMatchObject({ status: 409, body: { error: { code: 'T4006' } } });
    expect(await call('POST', '/api/v1/notices/999/replay')).toMatchObject({ status: 404, body: { error: { code: 'T4005' } } });
    expect(await call('GET', '/api/v1/notices?state=lost')).toMatchObject({ status: 400, body: { error: { code: 'T3003' } } });
    await on.database.transaction(() => on.database.execute("UPDATE notice SET state = 'dead' WHERE id = ?", [id]));
    expect(await call('POST', `/api/v1/notices/${id}/replay`)).toMatchObject({ status: 202, body: { id } });
  });
});
