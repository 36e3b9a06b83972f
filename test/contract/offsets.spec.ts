import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database } from '../../src/database/database.client.js';
import { EventLog } from '../../src/log/event-log.js';
import { Offsets, type PlannedReset } from '../../src/ops/offsets/offsets.service.js';
import { parseTarget } from '../../src/ops/offsets/position.js';
import { replay } from '../../src/app/replay.js';
import { existingSandbox } from '../../src/app/sandbox.js';
import { openApiOnly, type Running, serve } from '../../src/app/serve.js';
import { eventually } from '../support/eventually.js';
import { anAdmin } from '../support/foreign-cluster.js';
import { type Installation, installations } from '../support/installation.js';
import { type AlertRow, Client, WebhookSink } from '../support/tocsin.js';
import { person } from '../../src/shared/actor.js';

const START = Math.floor(Date.now() / 60_000) * 60_000 - 600_000;

/** The mean of each second above 80 is a warning at once, and over after two good seconds. */
const strategy = (name: string, threshold = 80) => ({
  name,
  bk_biz_id: '2',
  items: [
    {
      lateness: 0,
      queries: [{ metric: name, aggregation: 'AVG', interval: 1, dimensions: ['host'] }],
      algorithms: [{ level: 2, type: 'Threshold', config: [[{ method: 'gte', threshold }]] }],
    },
  ],
  detects: [{ level: 2, trigger: { count: 1, check_window: 1 }, recovery: { check_window: 2 } }],
});

const ann = { actor: person('ann'), why: 'a test' };

describe.each(installations)('offsets (%s)', (_name, open) => {
  let installation: Installation;
  let running: Running | undefined;
  let sink: WebhookSink;
  const sandboxes: string[] = [];
  const client = (): Client => new Client(running!.url);
  const start = async (): Promise<void> => {
    running = await serve(installation.config);
  };
  const stop = async (): Promise<void> => {
    await running?.close();
    running = undefined;
  };
  /** What commands do while no server runs. */
  const stopped = async <T>(ask: (offsets: Offsets, database: Database) => Promise<T>): Promise<T> => {
    const { app, close } = await openApiOnly(installation.config);
    try {
      return await ask(app.get(Offsets), app.get(Database));
    } finally {
      await close();
    }
  };
  const aFolder = (): string => {
    const folder = join(mkdtempSync(join(tmpdir(), 'tocsin-sandbox-')), 'new');
    sandboxes.push(folder);
    return folder;
  };
  const send = (name: string, host: string, from: number, values: readonly number[]) =>
    client().post(
      '/api/v1/events',
      values.map((value, index) => ({
        event_type: 'metric',
        bk_biz_id: '2',
        event_source: 'test',
        timestamp: START + (from + index) * 1000,
        raw_data: { metric: name, value, dimensions: { host } },
      })),
    );
  const alerts = async (): Promise<AlertRow[]> => [...(await client().alerts('?limit=100'))].sort((a, b) => a.alert_id.localeCompare(b.alert_id));
  const caughtUp = (): Promise<void> =>
    eventually(async () => {
      const { body } = await client().get<{ partitions: { cursor: number | null; high: number; group: string }[] }>('/api/v1/offsets?topic=alerts');
      return body.partitions.length > 0 && body.partitions.every(({ cursor, high }) => cursor === high);
    }, 'alerts to be handled');

  beforeAll(async () => {
    installation = await open();
    sink = new WebhookSink();
    await start();
    await client().post('/api/v1/receivers', { name: 'sink', channel: 'webhook', settings: { url: await sink.listen() } });
    await client().post('/api/v1/strategies', strategy('cpu'));
    await client().post('/api/v1/strategies', strategy('disk'));
    // web-1 fires and recovers, web-2 fires and stays.
    await send('cpu', 'web-1', 0, [50, 90, 91, 40, 41, 42]);
    await send('cpu', 'web-2', 0, [50, 90, 91]);
    await send('disk', 'web-1', 0, [90, 91, 92]);
    await eventually(async () => (await alerts()).length === 3 && (await alerts()).some(({ status }) => status === 'RECOVERED'), 'three alerts');
    await caughtUp();
  }, 120_000);
  afterAll(async () => {
    await stop();
    sink.close();
    await installation?.close();
    for (const folder of sandboxes) rmSync(join(folder, '..'), { recursive: true, force: true });
  });

  it('are shown with cursor, checkpoint, committed offset and log bounds (C12)', async () => {
    const { body } = await client().get<{ partitions: Record<string, unknown>[] }>('/api/v1/offsets?group=detect');
    expect(body.partitions.length).toBeGreaterThan(0);
    for (const partition of body.partitions) {
      expect(partition).toMatchObject({ group: 'detect', topic: 'raw_events', low: 0, owner: expect.any(String) as string });
      expect(partition['cursor']).toBeLessThanOrEqual(partition['high'] as number);
      expect(partition['state']).toBeLessThanOrEqual(partition['cursor'] as number);
    }
  });

  it('are not reset under a running group, and the error names the members; a dry run still shows old and new offsets (C12)', async () => {
    const reset = { group: 'detect', topic: 'raw_events', to: 'earliest' };
    const dry = await client().post<{ partitions: PlannedReset[] }>('/api/v1/offsets/reset', { ...reset, dry_run: true });
    expect(dry.partitions.every(({ from, offset }) => offset === 0 && from !== null)).toBe(true);
    const { status, body } = await client().call<{ error: { code: string; message: string } }>('POST', '/api/v1/offsets/reset', reset);
    expect(status).toBe(409);
    expect(body.error).toMatchObject({ code: 'T6201', message: expect.stringContaining('detect has active members') as string });
  });

  it('a replay in a sandbox produces the same alerts, notifies no receiver, and does not change the installation (C11)', async () => {
    const before = await alerts();
    const folder = aFolder();
    const wish = { topic: 'raw_events', from: parseTarget('earliest'), to: parseTarget('latest'), folder };
    // The server goes on running: the source is only read.
    const report = await replay(installation.config, wish, Date.now());
    expect(report.strategies).toMatchObject([
      { strategy: 'cpu', alerts: 2, open: 1 },
      { strategy: 'disk', alerts: 1, open: 1 },
    ]);
    expect(report.dead_letters).toEqual([]);
    expect(report.records).toBe(report.partitions.reduce((sum, { end, from }) => sum + end - from, 0));
    const sandbox = await serve({ ...(await existingSandbox(installation.config, folder)), HTTP_PORT: 0 });
    try {
      const inside = new Client(sandbox.url);
      const same = [...(await inside.alerts('?limit=100'))].sort((a, b) => a.alert_id.localeCompare(b.alert_id));
      expect(same.map(({ alert_id, status, begin_time, end_time }) => ({ alert_id, status, begin_time, end_time }))).toEqual(
        before.map(({ alert_id, status, begin_time, end_time }) => ({ alert_id, status, begin_time, end_time })),
      );
      expect((await inside.get<{ receivers: unknown[] }>('/api/v1/receivers')).body.receivers).toEqual([]);
      // Even with somebody to tell, a sandbox tells nobody.
      await inside.post('/api/v1/receivers', { name: 'sink', channel: 'webhook', settings: { url: 'http://127.0.0.1:9/' } });
      expect((await inside.get<{ partitions: { group: string }[] }>('/api/v1/consumers')).body.partitions.map(({ group }) => group)).not.toContain(
        'notice',
      );
    } finally {
      await sandbox.close();
    }
    expect(await alerts()).toEqual(before);
    const keys = sink.deliveries.map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
  }, 120_000);

  it('a replay from the middle judges by the rules that were in force there (C11)', async () => {
    const running = await client().get<{ partitions: { partition: number; high: number }[] }>('/api/v1/offsets?group=detect');
    const ends = running.body.partitions.map(({ high }) => high);
    // The last rule change stands far before the range, and no tick has to be in it.
    await send('cpu', 'web-9', 60, [90, 91, 92]);
    await eventually(async () => (await alerts()).some(({ labels }) => labels['host'] === 'web-9'), 'the alert of web-9');
    const { body } = await client().get<{ partitions: { partition: number; high: number }[] }>('/api/v1/offsets?group=detect');
    const { body: found } = await client().get<{ records: { partition: number; offset: number; value?: unknown }[] }>(
      '/api/v1/topics/raw_events/records?n=50',
    );
    const at = found.records.find((record) => JSON.stringify(record).includes('web-9'))!;
    expect(at.offset).toBeGreaterThanOrEqual(ends[at.partition]!);
    expect(body.partitions.length).toBe(ends.length);
    const wish = { topic: 'raw_events', partition: at.partition, from: parseTarget(`offset:${at.offset}`), to: parseTarget(`offset:${at.offset}`) };
    const report = await replay(installation.config, { ...wish, folder: aFolder() }, Date.now());
    expect(report.records).toBe(1);
    expect(report.strategies).toMatchObject([{ strategy: 'cpu', alerts: 1 }]);
  }, 120_000);

  it('a replay is refused where it cannot be had, and the refusal names the beginning; beyond the end it is cut, and says so (C11)', async () => {
    const folder = aFolder();
    const wish = (from: string, to: string, more = {}) =>
      replay(installation.config, { topic: 'raw_events', partition: 0, from: parseTarget(from), to: parseTarget(to), folder, ...more }, Date.now());
    await expect(wish('offset:5', 'offset:2')).rejects.toMatchObject({ code: 'T6206' });
    await expect(wish('offset:0', 'latest', { partition: undefined })).rejects.toThrow('requires --partition');
    await expect(wish('earliest', 'latest', { topic: 'converged_alerts' })).rejects.toMatchObject({ code: 'T6206' });
    await expect(wish('earliest', 'latest', { partition: 99 })).rejects.toMatchObject({ code: 'T6203' });
    expect(existsSync(folder)).toBe(false);
    const report = await wish('earliest', 'offset:1000000');
    expect(report.partitions).toMatchObject([{ partition: 0, cut: true }]);
    await expect(wish('earliest', 'latest')).rejects.toMatchObject({ code: 'T6207' });
    await expect(existingSandbox(installation.config, installation.config.DATA_DIR)).rejects.toMatchObject({ code: 'T6207' });
  }, 120_000);

  it('after a reset to an earlier offset no alert is duplicated: ids are the same, and no notification is repeated (C12)', async () => {
    const told = () => new Set(sink.deliveries.flatMap(({ body }) => body.alerts.map(({ labels }) => `${labels['alertname']} ${labels['host']}`)));
    const open = (await alerts()).filter(({ status }) => status === 'ABNORMAL').map(({ alert_name, labels }) => `${alert_name} ${labels['host']}`);
    await eventually(() => open.every((each) => told().has(each)), `everybody to be told of ${open.join(', ')}`);
    const before = await alerts();
    await stop();
    const deliveries = sink.deliveries.length;
    const reset = (group: string, topic: string, to: string, dryRun = false) =>
      stopped((offsets) => offsets.reset({ group, topic, to: parseTarget(to), ...ann }, dryRun, Date.now()));
    const clamped = await reset('detect', 'raw_events', 'shift:-1000000', true);
    expect(clamped.every(({ offset, clamped: cut }) => offset === 0 && cut === 'beginning')).toBe(true);
    const moved = await reset('detect', 'raw_events', 'earliest');
    expect(moved.filter(({ from }) => from! > 0).every(({ memory }) => memory === 'reset')).toBe(true);
    // What Detect remembers of records that come again would change what they do.
    expect(await stopped((_offsets, database) => database.query('SELECT block FROM detect_checkpoint'))).toEqual([]);
    await reset('alert', 'alerts', 'earliest');
    await reset('converge', 'alerts', 'earliest');
    const shown = await stopped((offsets) => offsets.positions({ group: 'alert' }));
    expect(shown.every(({ cursor, committed }) => cursor === 0 && committed === 0)).toBe(true);
    await start();
    await eventually(async () => {
      const { body } = await client().get<{ partitions: { cursor: number | null; high: number; group: string }[] }>('/api/v1/offsets');
      return body.partitions.filter(({ group }) => group !== 'detect').every(({ cursor, high }) => cursor === high);
    }, 'everybody caught up');
    await caughtUp();
    const after = await alerts();
    expect(after.map(({ alert_id, status, begin_time }) => ({ alert_id, status, begin_time }))).toEqual(
      before.map(({ alert_id, status, begin_time }) => ({ alert_id, status, begin_time })),
    );
    const reasons = sink.deliveries.slice(deliveries).map(({ body }) => body.notification_reason);
    expect(reasons.filter((reason) => reason === 'first notification' || reason === 'new alerts added')).toEqual([]);
  }, 120_000);

  it('a live replay begins within the log and ends at the previous position of the group (C11)', async () => {
    await stop();
    const { app, close } = await openApiOnly(installation.config);
    try {
      const ask = async (body: object): Promise<{ status: number; body: { partitions: PlannedReset[]; error: { message: string } } }> => {
        const answer = await app.inject({
          method: 'POST',
          url: '/api/v1/offsets/replay',
          payload: JSON.stringify(body),
          headers: { 'content-type': 'application/json' },
        });
        return { status: answer.statusCode, body: answer.json() };
      };
      const detect = { group: 'detect', topic: 'raw_events' };
      expect((await ask({ ...detect, from: 'offset:0', to: 'offset:1' })).body.error.message).toContain(
        'a live replay ends at the previous position',
      );
      expect((await ask({ ...detect, from: 'offset:99999999' })).body.error.message).toContain('ends at offset');
      expect((await ask({ ...detect, from: 'earliest', dry_run: true })).status).toBe(200);
    } finally {
      await close();
    }
  }, 60_000);

  it('a reset is refused when a replica takes a partition meanwhile, and then moves none (C12)', async () => {
    await stop();
    const { app, close } = await openApiOnly(installation.config);
    try {
      const [log, database, offsets] = [app.get(EventLog), app.get(Database), app.get(Offsets)];
      const before = await offsets.positions({ group: 'alert' });
      const last = before.at(-1)!.partition;
      // The last look before it moves: nobody is there yet.
      jest.spyOn(log, 'members').mockImplementationOnce(async () => {
        const claim = "UPDATE stream_cursor SET epoch = epoch + 1 WHERE consumer_group = 'alert' AND topic = 'alerts' AND partition_no = ?";
        await database.transaction(() => database.execute(claim, [last]));
        return [];
      });
      const reset = () => offsets.reset({ group: 'alert', topic: 'alerts', to: parseTarget('earliest'), ...ann }, false, Date.now());
      await expect(reset()).rejects.toMatchObject({ code: 'T6205', message: expect.stringContaining(`alert alerts/${last}`) as string });
      expect(await offsets.positions({ group: 'alert' })).toEqual(before);
    } finally {
      await close();
    }
  }, 60_000);

  it('a replay whose stages make no progress reports which stages, and their positions (C11)', async () => {
    await stop();
    const wish = () => ({ topic: 'raw_events', from: parseTarget('earliest'), to: parseTarget('latest'), folder: aFolder() });
    const ofDisk = "strategy_id = (SELECT id FROM strategy WHERE name = 'disk')";
    const [rules] = await stopped((_offsets, database) => database.query<{ body: string }>(`SELECT body FROM strategy_version WHERE ${ofDisk}`));
    const write = (body: string) =>
      stopped((_offsets, database) => database.transaction(() => database.execute(`UPDATE strategy_version SET body = ? WHERE ${ofDisk}`, [body])));
    // Detect comes to the tick that names these rules, and fails there again and again.
    await write('no JSON');
    await expect(replay(installation.config, wish(), Date.now(), 3000)).rejects.toMatchObject({
      code: 'T6210',
      message: expect.stringMatching(/detect raw_events\/\d+ stopped at \d+ of \d+/) as string,
    });
    await write(rules!.body);
    expect((await replay(installation.config, wish(), Date.now())).records).toBeGreaterThan(0);
  }, 120_000);

  it('the log shows a group where the reset has put it, to its own tools too (C12)', async () => {
    await stop();
    const [first] = await stopped((offsets) =>
      offsets.reset({ group: 'notice', topic: 'converged_alerts', partition: 0, to: parseTarget('latest'), ...ann }, false, Date.now()),
    );
    const [shown] = await stopped((offsets) => offsets.positions({ group: 'notice' }));
    expect(shown).toMatchObject({ partition: 0, cursor: first!.offset, committed: first!.offset });
    if (installation.config.mode !== 'distributed') return;
    const admin = anAdmin({ brokers: installation.config.KAFKA_BROKERS! });
    await admin.connect();
    const { GROUP_PREFIX, TOPIC_PREFIX } = installation.config;
    const [offsets] = await admin.fetchOffsets({ groupId: `${GROUP_PREFIX}.notice`, topics: [`${TOPIC_PREFIX}converged_alerts`] });
    await admin.disconnect();
    expect(offsets!.partitions.find(({ partition }) => partition === 0)!.offset).toBe(String(first!.offset));
  }, 60_000);
});
