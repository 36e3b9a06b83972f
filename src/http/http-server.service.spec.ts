import { once, EventEmitter } from 'node:events';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { Body, Controller, Get, HttpException, Logger, Module, Post } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { eventually } from '../../test/support/eventually.js';
import { TocsinError } from '../shared/errors.js';
import { configureHttp, createHttpAdapter } from './http-server.service.js';
import { RawBody } from './raw-body.decorator.js';

const LIMIT = 250_000;

/** Emits `started` when a slow request runs; `finish` ends the request. */
const slowly = new EventEmitter();

@Controller()
class EchoController {
  @Post('command')
  command(@Body() body: unknown): unknown {
    return Buffer.isBuffer(body) ? { bytes: body.toString('latin1') } : { body: body ?? 'nothing' };
  }

  @Post('raw')
  @RawBody('snappy')
  raw(@Body() body: Buffer | undefined): unknown {
    return { bytes: body?.toString('latin1') ?? 'nothing' };
  }

  @Get('slow')
  async slow(): Promise<string> {
    const finish = once(slowly, 'finish');
    slowly.emit('started');
    await finish;
    return 'done';
  }

  @Get('failure/:kind')
  fail(): never {
    throw new Error('the password is 42');
  }

  @Get('fault')
  fault(): never {
    throw new HttpException({ password: 42 }, 500);
  }

  @Get('busy')
  busy(): never {
    throw new TocsinError('T1202', '7 wait');
  }

  @Get('unavailable')
  unavailable(): never {
    throw new TocsinError('T1201', 'later', { why: 'x' });
  }

  @Get('health')
  health(): never {
    throw new HttpException({ status: 'error', details: { database: 'down' } }, 503);
  }

  @Get('api/v2/handler')
  alertmanagerHandler(): never {
    throw new HttpException('bad matcher format: bad', 400);
  }

  @Get('api/v2/shape')
  alertmanagerShape(): never {
    throw new HttpException({ code: 602, message: 'x is required' }, 422);
  }

  @Get('api/v2/busy')
  alertmanagerBusy(): never {
    throw new TocsinError('T1202', '7 wait');
  }
}

@Module({ controllers: [EchoController] })
class EchoModule {}

describe('the HTTP server', () => {
  let app: NestFastifyApplication;
  let url: string;

  beforeAll(async () => {
    const module = await Test.createTestingModule({ imports: [EchoModule] }).compile();
    app = module.createNestApplication<NestFastifyApplication>(createHttpAdapter({ MAX_BODY_BYTES: LIMIT }), { logger: false });
    configureHttp(app, { EXTERNAL_URL: 'https://alarm.example/tocsin' });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });

  afterAll(() => app.close());

  async function call(path: string, body?: string | Buffer, headers: Record<string, string> = {}, method = body === undefined ? 'GET' : 'POST') {
    const response = await fetch(url + path, { method, body: typeof body === 'string' ? Buffer.from(body) : body, headers });
    const text = await response.text();
    const json = text === '' ? undefined : response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text;
    return { status: response.status, json, code: json?.error?.code as string | undefined, retryAfter: response.headers.get('retry-after') };
  }

  const json = { 'content-type': 'application/json' };

  it.each<[string, string, string | Buffer, Record<string, string>, unknown]>([
    ['parsed JSON', 'command', '{"a":[1]}', json, { body: { a: [1] } }],
    [
      'parsed JSON of a type that ends in +json',
      'command',
      '{"a":1}',
      { 'content-type': 'application/cloudevents+json; charset=utf-8' },
      { body: { a: 1 } },
    ],
    ['nothing when there is no body', 'command', '', json, { body: 'nothing' }],
    ['JSON out of gzip', 'command', gzipSync('{"a":1}'), { ...json, 'content-encoding': 'gzip' }, { body: { a: 1 } }],
    ['the bytes of YAML', 'command', 'a: 1', { 'content-type': 'application/yaml' }, { bytes: 'a: 1' }],
    ['the bytes on a raw route, whatever they claim to be', 'raw', '{"a":', json, { bytes: '{"a":' }],
    ['the bytes on a raw route without a type', 'raw', Buffer.from([1, 255]), {}, { bytes: '\u0001\u00ff' }],
    ['the bytes out of gzip on a raw route', 'raw', gzipSync('abc'), { 'content-encoding': 'gzip' }, { bytes: 'abc' }],
    [
      'the bytes out of several gzips in a row',
      'raw',
      Buffer.concat([gzipSync('abc'), gzipSync('def')]),
      { 'content-encoding': 'GZIP' },
      { bytes: 'abcdef' },
    ],
    ['the bytes out of deflate', 'raw', deflateSync('abc'), { 'content-encoding': 'deflate' }, { bytes: 'abc' }],
    ['the bytes out of deflate without its header', 'raw', deflateRawSync('abc'), { 'content-encoding': 'deflate' }, { bytes: 'abc' }],
    ['what a raw route undoes itself', 'raw', 'compressed', { 'content-encoding': 'snappy' }, { bytes: 'compressed' }],
  ])('gives a handler %s', async (_what, path, body, headers, expected) => {
    expect(await call(`/${path}`, body, headers)).toMatchObject({ status: 201, json: expected });
  });

  it.each<[string, string | Buffer, Record<string, string>, number, string]>([
    ['broken JSON', '{"a":1,}', json, 400, 'T1001'],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22]), json, 400, 'T1002'],
    ['100,000 levels', '['.repeat(100_000) + ']'.repeat(100_000), json, 400, 'T1005'],
    ['100,000 levels that never end', '{"a":'.repeat(40_000), json, 400, 'T1001'],
    ['a key __proto__', '{"__proto__":{"polluted":1}}', json, 400, 'T1006'],
    ['a key constructor', '{"constructor":{"prototype":{"polluted":1}}}', json, 400, 'T1006'],
    ['a large body', 'x'.repeat(LIMIT + 1), json, 413, 'T1003'],
    ['a small body that becomes large', gzipSync(Buffer.alloc(LIMIT * 4 + 1)), { ...json, 'content-encoding': 'gzip' }, 413, 'T1003'],
    ['a bomb', gzipSync(Buffer.alloc(8_000_000)), { ...json, 'content-encoding': 'gzip' }, 413, 'T1003'],
    ['gzip that is none', 'abc', { ...json, 'content-encoding': 'gzip' }, 400, 'T1007'],
    ['gzip that is cut', gzipSync('{"a":1}').subarray(0, 15), { ...json, 'content-encoding': 'gzip' }, 400, 'T1007'],
    ['an encoding nobody knows', '{}', { ...json, 'content-encoding': 'br' }, 415, 'T1004'],
    ['two encodings', '{}', { ...json, 'content-encoding': 'gzip, gzip' }, 415, 'T1004'],
    ['an encoding only another route knows', '{}', { ...json, 'content-encoding': 'snappy' }, 415, 'T1004'],
    ['a form', 'a=1', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'T1004'],
    ['JSON that says it is text', '{}', { 'content-type': 'text/plain' }, 415, 'T1004'],
    ['JSON that says nothing', '{}', {}, 415, 'T1004'],
    ['a type that is none', '{}', { 'content-type': 'json' }, 415, 'T1004'],
  ])('refuses %s', async (_what, body, headers, status, code) => {
    expect(await call('/command', body, headers)).toMatchObject({ status, code });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('refuses a body that grows above the limit without having said so', async () => {
    const chunks = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let sent = 0; sent <= LIMIT; sent += 10_000) controller.enqueue(new Uint8Array(10_000));
        controller.close();
      },
    });
    const response = await fetch(`${url}/raw`, { method: 'POST', body: chunks, duplex: 'half' } as RequestInit);
    expect(response.status).toBe(413);
  });

  it('takes a path with and without a trailing slash', async () => {
    expect((await call('/command/', '{}', json)).status).toBe(201);
  });

  it('answers an unknown path in JSON, even with a body that is none', async () => {
    expect(await call('/nothing')).toMatchObject({ status: 404, code: 'T9000' });
    expect(await call('/nothing', '{"a":', json)).toMatchObject({ status: 404, code: 'T9000' });
  });

  it('answers an address that is none in the same shape', async () => {
    expect(await call('/%zz')).toMatchObject({ status: 400, code: 'T9002' });
  });

  it('says when to come again', async () => {
    expect(await call('/busy')).toMatchObject({
      status: 429,
      code: 'T1202',
      retryAfter: '1',
      json: { error: { message: expect.stringContaining('7 wait') } },
    });
    expect(await call('/unavailable')).toMatchObject({ status: 503, code: 'T1201', retryAfter: '5', json: { error: { details: { why: 'x' } } } });
  });

  it('keeps what a failed health check has to say', async () => {
    expect(await call('/health')).toMatchObject({ status: 503, code: 'T9004', json: { error: { details: { details: { database: 'down' } } } } });
  });

  it('logs an internal error once, with its stack, and does not expose it', async () => {
    const lines = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    try {
      const answer = await call('/failure/x?token=secret');
      expect(answer).toMatchObject({ status: 500, code: 'T9001' });
      expect(JSON.stringify(answer.json)).not.toContain('42');
      expect(lines).toHaveBeenCalledTimes(1);
      expect(lines).toHaveBeenCalledWith('GET /failure/x failed', expect.stringContaining('the password is 42'));
      expect((await call('/fault')).json).toEqual({ error: { code: 'T9001', message: 'Internal server error' } });
    } finally {
      lines.mockRestore();
    }
  });

  it('fails under /api/v2/ as the clients of Alertmanager expect', async () => {
    expect(await call('/api/v2/handler')).toMatchObject({ status: 400, json: 'bad matcher format: bad' });
    expect(await call('/api/v2/shape')).toMatchObject({ status: 422, json: { code: 602, message: 'x is required' } });
    expect(await call('/api/v2/nothing?x=1')).toMatchObject({ status: 404, json: { code: 404, message: 'path /api/v2/nothing was not found' } });
    expect(await call('/api/v2/busy')).toMatchObject({ status: 429, json: expect.stringContaining('7 wait'), retryAfter: '1' });
  });

  it('rejects commands from other origins, and accepts them from its own', async () => {
    expect(await call('/command', '{}', { ...json, 'sec-fetch-site': 'cross-site' })).toMatchObject({ status: 403, code: 'T9003' });
    expect((await call('/command', '{}', { ...json, origin: 'https://alarm.example', 'sec-fetch-site': 'cross-site' })).status).toBe(201);
  });

  it('finishes what runs when it closes', async () => {
    const module = await Test.createTestingModule({ imports: [EchoModule] }).compile();
    const closing = module.createNestApplication<NestFastifyApplication>(createHttpAdapter({ MAX_BODY_BYTES: LIMIT }), { logger: false });
    configureHttp(closing, { EXTERNAL_URL: undefined });
    await closing.listen(0, '127.0.0.1');
    const address = await closing.getUrl();
    await fetch(`${address}/nothing`).then((response) => response.text());
    const started = once(slowly, 'started');
    const running = fetch(`${address}/slow`).then((response) => response.text());
    await started;
    const closed = closing.close();
    await eventually(() => !closing.getHttpServer().listening, 'the server listens no more');
    slowly.emit('finish');
    await closed;
    expect(await running).toBe('done');
  });
});
