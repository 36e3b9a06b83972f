import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { anEmbeddedLog } from '../../../test/support/logs.js';
import { parseConfig } from '../../config.js';
import type { LogRecord } from '../../log/event-log.js';
import { jsonSerializer, type Serializer } from '../../log/serializer.js';
import { PoisonError } from '../../shared/errors.js';
import { type FoundRecord, NewestRecords } from './newest.js';
import { SHOWN_BYTES, views, type ViewOptions } from './record-view.js';
import { tailQuery, positionsText } from './tail-query.js';
import { TailService } from './tail.service.js';
import { parseRequest } from '../../shared/parse.js';

const record = (value: Buffer | string | null, more: Partial<LogRecord> = {}): LogRecord => ({
  offset: 7,
  timestamp: 1000,
  key: Buffer.from('2'),
  value: value === null ? null : Buffer.from(value),
  headers: {},
  ...more,
});
const options: ViewOptions = { topic: 'raw_events', raw: false, unfold: false, maxBytes: 1000, serializer: jsonSerializer };
/** A schema id and compressed bytes, without any readable text. */
const deflated: Serializer = {
  serialize: (topic, message) => deflated.wrap(topic, JSON.stringify(message)),
  wrap: (_topic, json) => Buffer.concat([Buffer.from([7]), deflateRawSync(json)]),
  deserialize: (_topic, bytes) => {
    if (bytes[0] !== 7) throw new PoisonError('T6003', 'unknown schema');
    return JSON.parse(inflateRawSync(bytes.subarray(1)).toString('utf8'));
  },
};
const event = (id: string) => ({
  event_id: id,
  event_type: 'metric',
  bk_biz_id: '2',
  event_source: 'x',
  timestamp: 1,
  raw_data: { metric: 'm', value: 1, dimensions: {} },
});

describe('a record is shown', () => {
  it('as its message when it can be decoded', () => {
    expect(views(3, record(JSON.stringify(event('a'))), options)).toEqual([
      { partition: 3, offset: 7, timestamp: 1000, key: '2', bytes: expect.any(Number), message: event('a') },
    ]);
  });

  it('as one view for each event of an envelope, when asked', () => {
    const envelope = record(JSON.stringify({ v: 1, events: [event('a'), event('b')] }));
    expect(views(0, envelope, options)).toHaveLength(1);
    expect(views(0, envelope, { ...options, unfold: true }).map(({ index, message }) => [index, (message as { event_id: string }).event_id])).toEqual(
      [
        [0, 'a'],
        [1, 'b'],
      ],
    );
  });

  it.each([
    ['T6001', Buffer.from([0x7b, 0xff, 0xfe]), { hex: '7bfffe' }],
    ['T6002', '{"half', { text: '{"half' }],
    ['T6003', '{"event_type":"metric"}', { text: '{"event_type":"metric"}' }],
    ['T6005', null, {}],
  ])('with the error code %s and its bytes when the stages would refuse it', (code, value, bytes) => {
    expect(views(0, record(value), options)).toEqual([expect.objectContaining({ error: { code, message: expect.any(String) as string }, ...bytes })]);
  });

  it('as text or bytes where the topic has no schema', () => {
    const letters = { ...options, topic: 'raw_events.dlq' };
    expect(views(0, record('{"a":1}'), letters)[0]).toMatchObject({ message: { a: 1 } });
    expect(views(0, record('plain'), letters)[0]).toMatchObject({ text: 'plain' });
    expect(views(0, record(Buffer.from([255])), letters)[0]).toMatchObject({ hex: 'ff' });
    expect(views(0, record('{"a":1}'), { ...letters, raw: true })[0]).toMatchObject({ text: '{"a":1}' });
  });

  it('by the serializer of the log, whatever that is', () => {
    const inOurs = { ...options, serializer: deflated };
    const value = deflated.serialize('raw_events', event('a'));
    expect(views(0, record(value), inOurs)[0]).toMatchObject({ message: event('a') });
    expect(views(0, record(value), { ...inOurs, topic: 'raw_events.dlq' })[0]).toMatchObject({ message: event('a') });
    expect(views(0, record(JSON.stringify(event('a'))), inOurs)[0]).toMatchObject({ error: { code: 'T6003' }, text: expect.any(String) as string });
    expect(views(0, record('{"a":1}'), { ...inOurs, topic: 'raw_events.dlq' })[0]).toMatchObject({ message: { a: 1 } });
    expect(views(0, record(value), { ...inOurs, raw: true })[0]).toMatchObject({ hex: Buffer.from(value).toString('hex') });
  });

  it('by its beginning when it is large, never through the middle of a character', () => {
    const [view] = views(0, record('ä'.repeat(SHOWN_BYTES) + 'x', { key: null }), { ...options, topic: 'x' });
    expect(view).toMatchObject({ cut: true, bytes: 2 * SHOWN_BYTES + 1, text: 'ä'.repeat(SHOWN_BYTES / 2), key: null });
    const [shifted] = views(0, record('x' + 'ä'.repeat(SHOWN_BYTES)), { ...options, topic: 'x' });
    expect(shifted!.text).toBe('x' + 'ä'.repeat(SHOWN_BYTES / 2 - 1));
  });
});

it('records are found and shown by the serializer of the log (P6)', async () => {
  const { eventLog: log, close } = await anEmbeddedLog();
  log.serializer = deflated;
  await log.ensureTopics([{ name: 'raw_events', partitions: 1 }]);
  const envelope = { v: 1, events: [event('a'), { ...event('b'), bk_biz_id: '3' }] };
  const values = [envelope, event('c')].map((message) => deflated.serialize('raw_events', message));
  await log.publish(
    'raw_events',
    [...values, JSON.stringify(event('not ours'))].map((value) => ({ key: '2', value })),
  );
  const ask = async (query: object) => (await new TailService(log, parseConfig({})).tail('raw_events', parseRequest(tailQuery, query))).records;
  expect((await ask({})).map(({ message, error }) => message ?? error?.code)).toEqual([envelope, event('c'), 'T6003']);
  expect((await ask({ key: '3', unfold: 'true' })).map(({ message }) => message)).toEqual([envelope.events[1]]);
  expect((await ask({ grep: '"event_id":"c"' })).map(({ message }) => message)).toEqual([event('c')]);
  await close();
});

describe('the newest of many partitions', () => {
  const found = (partition: number, offset: number, timestamp: number, size = 1): FoundRecord => ({
    partition,
    record: record('v'.repeat(size), { offset, timestamp }),
  });

  it('are those with the latest times, in order of time', () => {
    const newest = new NewestRecords(3, 1e6);
    newest.add([found(0, 0, 10), found(0, 1, 40)]);
    newest.add([found(1, 0, 20), found(1, 1, 30)]);
    expect(newest.records.map(({ record: { timestamp } }) => timestamp)).toEqual([20, 30, 40]);
    expect(newest.cut).toBe(false);
  });

  it('stay within the limit of bytes, and say that some are missing', () => {
    const newest = new NewestRecords(10, 1000);
    newest.add([found(0, 0, 1, 600), found(0, 1, 2, 600)]);
    expect([newest.records.map(({ record: { offset } }) => offset), newest.cut]).toEqual([[1], true]);
    const one = new NewestRecords(10, 10);
    one.add([found(0, 0, 1, 600)]);
    expect(one.records).toHaveLength(1);
  });
});

describe('a question', () => {
  it('has defaults, and returns positions to continue from', () => {
    expect(parseRequest(tailQuery, {})).toMatchObject({ n: 10, scan: 20_000, raw: false, unfold: false });
    expect(parseRequest(tailQuery, { after: '0:12,3:4' }).after).toEqual(
      new Map([
        [0, 12],
        [3, 4],
      ]),
    );
    expect(
      positionsText(
        new Map([
          [3, 4],
          [0, 12],
        ]),
      ),
    ).toBe('0:12,3:4');
  });

  it.each([{ n: '0' }, { n: '1001' }, { n: 'x' }, { after: '1' }, { partition: '-1' }, { raw: 'yes' }, { typo: '1' }])('%p is refused', (query) => {
    expect(() => parseRequest(tailQuery, query)).toThrow('Invalid record query');
  });
});
