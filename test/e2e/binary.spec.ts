import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type Binary, type Mode, modes, start } from '../support/binary.js';
import { eventually } from '../support/eventually.js';
import { WebhookSink } from '../support/tocsin.js';

/** The strategy and the event that the server's own first lines tell people to try. */
function tried(output: string, number: number): unknown {
  const line = output.split('\n').find((each) => each.trimStart().startsWith(`${number}.`)) ?? '';
  return JSON.parse(/-d '(.*)'/.exec(line)?.[1] ?? 'null');
}

describe.each(modes)('the binary, %s', (name, open) => {
  let mode: Mode;
  let tocsin: Binary;
  beforeAll(async () => {
    mode = await open();
    tocsin = await start(mode.settings);
  }, 120_000);
  afterAll(async () => {
    await tocsin?.close();
    await mode?.close();
  });

  it('is alive at once, and ready when database, log and every consumer are', async () => {
    expect((await tocsin.client.get('/health/live')).status).toBe(200);
    await eventually(async () => (await tocsin.client.get('/health/ready')).status === 200, 'ready');
    const { body } = await tocsin.client.get<{ details: Record<string, { status: string }> }>('/health/ready');
    const details = ['assignment', 'database', 'degrade', 'lag', 'log', ...(name === 'distributed' ? ['outbox'] : []), 'sources'];
    expect(Object.keys(body.details).sort()).toEqual(details);
    expect(await tocsin.client.get('/-/healthy')).toEqual({ status: 200, body: 'OK' });
  });

  it('does what its first lines promise: strategy, event, alert', async () => {
    await tocsin.client.post('/api/v1/strategies', tried(tocsin.output(), 1));
    await tocsin.client.post('/api/v1/events', tried(tocsin.output(), 2));
    await eventually(async () => (await tocsin.client.alerts('?status=ABNORMAL')).length === 1, 'the alert');
    expect((await tocsin.client.alerts())[0]).toMatchObject({ alert_name: 'CPU is busy', labels: { host: 'web-1' } });
  });

  it('shows metrics under the names of the catalogue, and OpenAPI', async () => {
    const { body } = await tocsin.client.get<string>('/metrics');
    const catalogue = readFileSync('docs/metrics.md', 'utf8');
    const shown = [...body.matchAll(/^# TYPE (tocsin_\S+)/gm)].map(([, name]) => name!);
    expect(shown.length).toBeGreaterThan(10);
    for (const name of shown) expect(catalogue).toContain(name);
    const api = await tocsin.client.get<{ paths: Record<string, unknown> }>('/docs-json');
    expect(Object.keys(api.body.paths)).toEqual(expect.arrayContaining(['/api/v1/events', '/api/v1/strategies', '/api/v1/alerts', '/api/v2/alerts']));
  });

  it('shows how far every group is', async () => {
    await eventually(async () => (await tocsin.client.get<{ total: number }>('/api/v1/lag')).body.total === 0, 'no lag');
    const { body } = await tocsin.client.get<{ partitions: { group: string }[] }>('/api/v1/lag');
    expect(new Set(body.partitions.map(({ group }) => group))).toEqual(new Set(['detect', 'alert', 'converge', 'notice']));
  });

  it('answers an invalid request with an error code, and continues', async () => {
    const wrong = await tocsin.client.call<{ error: { code: string; details: unknown[] } }>('POST', '/api/v1/strategies', {
      name: 'x',
      bk_biz_id: 2,
      colour: 'red',
      items: [],
      detects: [{ level: 9 }],
    });
    expect(wrong).toMatchObject({ status: 400, body: { error: { code: 'T2001' } } });
    expect(JSON.stringify(wrong.body)).toContain('colour');
    expect((await tocsin.client.get('/no/such/path')).status).toBe(404);
    expect((await tocsin.client.get('/health/live')).status).toBe(200);
  });

  it('stops in order within three seconds, and starts again where it was', async () => {
    const { code, ms } = await tocsin.terminate();
    expect(code).toBe(0);
    expect(tocsin.output()).not.toContain('graceful shutdown exceeded');
    expect(ms).toBeLessThan(3500);
    tocsin = await start(mode.settings);
    expect(await tocsin.client.alerts()).toHaveLength(1);
  }, 120_000);
});

describe('the binary', () => {
  const run = (env: Record<string, string>) =>
    spawnSync(process.execPath, ['dist/src/main.js', 'serve'], { env: { PATH: process.env['PATH'], ...env }, encoding: 'utf8', timeout: 30_000 });

  it('refuses to start with only one of KAFKA_BROKERS and DATABASE_URL, and says which is missing', () => {
    expect(run({ KAFKA_BROKERS: '127.0.0.1:1' })).toMatchObject({ status: 1, stderr: expect.stringContaining('DATABASE_URL is not') as string });
    expect(run({ DATABASE_URL: 'mysql://a:b@127.0.0.1:1/c' })).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('KAFKA_BROKERS is not') as string,
    });
  });

  it('can be called by its name after every build: npx makes it executable only once', () => {
    expect(spawnSync('dist/src/main.js', ['--version'], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^\d/) as string,
    });
  });

  it('names every wrong setting at start', () => {
    const { status, stderr } = run({ HTTP_PORT: 'eighty', TICK_MS: '-1' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/HTTP_PORT.*TICK_MS/);
  });

  it('plays the demo: alerts, a storm digest and notices within a minute', async () => {
    const { embedded } = await import('../support/binary.js');
    const mode = await embedded();
    const tocsin = await start({ ...mode.settings, TICK_MS: '1000' }, ['--demo']);
    try {
      await eventually(() => tocsin.output().includes('storm opened'), 'the digest of the storm', 90_000);
      await eventually(async () => (await tocsin.client.alerts('?limit=200')).length >= 60, 'the alerts of the storm');
      expect(tocsin.output()).toMatch(/NOTICE FIRING/);
    } finally {
      await tocsin.close();
      await mode.close();
    }
  }, 180_000);

  it('keeps a second process out of its folder', async () => {
    const { embedded } = await import('../support/binary.js');
    const mode = await embedded();
    const first = await start(mode.settings);
    try {
      await expect(start(mode.settings)).rejects.toThrow('is locked by another process');
    } finally {
      await first.close();
      await mode.close();
    }
  });

  it('loses nothing that it answered 2xx when it is killed at once', async () => {
    const { embedded } = await import('../support/binary.js');
    const mode = await embedded();
    const sink = new WebhookSink();
    const url = await sink.listen();
    let tocsin = await start(mode.settings);
    try {
      await tocsin.client.post('/api/v1/receivers', { name: 'sink', channel: 'webhook', settings: { url } });
      await tocsin.client.post('/api/v1/strategies', tried(tocsin.output(), 1));
      await tocsin.client.post('/api/v1/events', tried(tocsin.output(), 2));
      await tocsin.close();
      tocsin = await start(mode.settings);
      await sink.received('the alert of the event before the kill', ({ body }) => body.status === 'firing');
    } finally {
      await tocsin.close();
      await mode.close();
      sink.close();
    }
  });
});
