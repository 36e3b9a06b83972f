import fc from 'fast-check';
import protobuf from 'protobufjs/minimal.js';
import { topics } from '../../topics.js';
import { remoteWriteEvents, headerProblem } from './remote-write.js';
import { decodeWriteRequest } from './write-request.js';

const NOW = 1_700_000_000_000;

interface Series {
  labels: Record<string, string>;
  samples: [number | bigint, number][];
  histograms?: number;
}

/** A WriteRequest as Prometheus writes it; a bigint value is written as the bits of the number. */
function writeRequest(series: readonly Series[], extra = Buffer.alloc(0)): Buffer {
  const writer = protobuf.Writer.create();
  for (const { labels, samples, histograms = 0 } of series) {
    writer.uint32(10).fork();
    for (const [name, value] of Object.entries(labels)) writer.uint32(10).fork().uint32(10).string(name).uint32(18).string(value).ldelim();
    for (const [value, timestamp] of samples) {
      writer.uint32(18).fork();
      if (typeof value === 'bigint') writer.uint32(9).fixed64(value.toString());
      else writer.uint32(9).double(value);
      writer.uint32(16).int64(timestamp).ldelim();
    }
    for (let index = 0; index < histograms; index++) writer.uint32(34).fork().uint32(8).uint64(1).ldelim();
    writer.ldelim();
  }
  return Buffer.concat([writer.finish(), extra]);
}

function written(series: readonly Series[], now = NOW) {
  const decoded = decodeWriteRequest(writeRequest(series), 10_000);
  if (!decoded) throw new Error('not decoded');
  return remoteWriteEvents(decoded.series, '2', now);
}

const up: Series = { labels: { __name__: 'up', instance: 'a:9100', job: 'node' }, samples: [[1, NOW]] };

describe('remote write', () => {
  it('makes a metric event of each sample, which the topic takes', () => {
    const { events } = written([
      {
        ...up,
        samples: [
          [1, NOW],
          [0.5, NOW + 15_000],
        ],
      },
    ]);
    expect(events).toEqual([
      {
        event_id: expect.stringMatching(/^[0-9a-f]{32}-1700000000000$/),
        event_type: 'metric',
        bk_biz_id: '2',
        event_source: 'prometheus',
        timestamp: NOW,
        raw_data: { metric: 'up', value: 1, dimensions: { instance: 'a:9100', job: 'node' } },
      },
      expect.objectContaining({ timestamp: NOW + 15_000, raw_data: expect.objectContaining({ value: 0.5 }) }),
    ]);
    expect(topics.rawEvents.parse({ v: 1, events })).toEqual({ v: 1, events });
  });

  it('assigns the same id to a repeated sample, and different ids for another series, timestamp or business', () => {
    const id = (series: Series, business = '2') =>
      remoteWriteEvents(decodeWriteRequest(writeRequest([series]), 10)!.series, business, NOW).events[0]!.event_id;
    const ids = [up, { ...up, samples: [[1, NOW + 1]] }, { ...up, labels: { ...up.labels, job: 'x' } }] as Series[];
    expect(new Set([...ids.map((series) => id(series)), id(up, '3')]).size).toBe(4);
    expect(id({ ...up, samples: [[7, NOW]] })).toBe(id(up));
  });

  it('drops stale markers, NaN, infinities and histograms, and counts each', () => {
    const samples: Series['samples'] = [
      [0x7ff0000000000002n, NOW],
      [NaN, NOW],
      [Infinity, NOW],
      [-Infinity, NOW],
      [3, NOW],
    ];
    const { events, dropped, rejections } = written([
      { ...up, samples },
      { labels: { __name__: 'h' }, samples: [], histograms: 2 },
    ]);
    expect(events.map(({ raw_data }) => raw_data.value)).toEqual([3]);
    expect(dropped).toEqual({ stale: 1, nan: 1, infinite: 2, histogram: 2 });
    expect(rejections).toEqual([]);
  });

  it.each<[string, Series, string]>([
    ['without a name', { labels: { job: 'x' }, samples: [[1, NOW]] }, 'T1101'],
    [
      'with too many labels',
      { ...up, labels: { __name__: 'm', ...Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`l${index}`, 'x'])) } },
      'T1105',
    ],
    ['with a long label', { ...up, labels: { __name__: 'm', l: 'x'.repeat(1025) } }, 'T1105'],
    ['with a long name', { ...up, labels: { __name__: 'm'.repeat(1025) } }, 'T1105'],
    [
      'with a label __proto__',
      {
        ...up,
        labels: Object.fromEntries([
          ['__name__', 'm'],
          ['__proto__', 'x'],
        ]),
      },
      'T1006',
    ],
    ['with a time before 2001', { ...up, samples: [[1, 1000]] }, 'T1103'],
    ['with a negative time', { ...up, samples: [[1, -NOW]] }, 'T1103'],
    ['with a time in another age', { ...up, samples: [[1, NOW * 1000]] }, 'T1103'],
  ])('refuses a series %s and takes the others', (_what, series, code) => {
    const { events, rejections } = written([up, series, up]);
    expect(events).toHaveLength(2);
    expect(rejections).toMatchObject([{ rejection: { code }, samples: 1 }]);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it('leaves out labels without a value and brings a future time back to now', () => {
    const { events, clamped } = written([{ labels: { __name__: 'm', empty: '', full: 'x' }, samples: [[1, NOW + 120_000]] }]);
    expect(events).toMatchObject([{ timestamp: NOW, raw_data: { dimensions: { full: 'x' } } }]);
    expect(clamped).toBe(1);
  });

  it('skips metadata, exemplars and unknown fields', () => {
    const metadata = Buffer.from(
      protobuf.Writer.create().uint32(26).fork().uint32(8).uint32(1).uint32(18).string('up').ldelim().uint32(328).uint32(7).finish(),
    );
    expect(decodeWriteRequest(writeRequest([up], metadata), 10)).toMatchObject({ samples: 1, series: [{ samples: [{ value: 1, timestamp: NOW }] }] });
    expect(decodeWriteRequest(Buffer.alloc(0), 10)).toEqual({ series: [], samples: 0 });
  });

  it('says that a label is not UTF-8', () => {
    const bytes = writeRequest([{ labels: { __name__: 'm', l: 'xyz' }, samples: [[1, NOW]] }]);
    bytes[bytes.indexOf('xyz')] = 0xff;
    expect(decodeWriteRequest(bytes, 10)).toBeUndefined();
    expect(written([{ ...up, labels: { __name__: 'm', l: '\ufffd é 空' } }]).events[0]!.raw_data.dimensions).toEqual({ l: '\ufffd é 空' });
  });

  it.each<[string, number[]]>([
    ['a label that is longer than its series', [0x0a, 2, 0x0a, 4, 0x0a, 0, 0x12, 0]],
    ['a sample whose value runs over its end', [0x0a, 5, 0x12, 3, 0x09, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['a series of the wrong wire type', [0x08, 1]],
    ['a field number 0', [0x00, 0]],
    ['an end in the middle', [0x0a]],
  ])('refuses %s', (_what, bytes) => {
    expect(decodeWriteRequest(Buffer.from(bytes), 10)).toBeUndefined();
  });

  it('stops reading soon after the limit', () => {
    const samples: Series['samples'] = Array.from({ length: 500 }, () => [1, NOW]);
    expect(decodeWriteRequest(writeRequest([{ ...up, samples }, up]), 10)!.samples).toBe(11);
    expect(decodeWriteRequest(writeRequest(Array<Series>(500).fill({ ...up, samples: [] })), 10)!.series).toHaveLength(11);
  });

  it('answers undefined or a request whatever the bytes are', () => {
    const good = writeRequest([up, { ...up, samples: [[2, NOW]] }]);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 }), fc.nat(good.length), (changes, cut) => {
        const bytes = Buffer.from(good.subarray(0, changes.length % 2 ? cut : good.length));
        for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
        const decoded = decodeWriteRequest(bytes, 100);
        if (!decoded) return;
        const { events } = remoteWriteEvents(decoded.series, '2', NOW);
        if (events.length > 0) expect(topics.rawEvents.parse(JSON.parse(JSON.stringify({ v: 1, events })))).toBeDefined();
      }),
      { numRuns: 3000 },
    );
  });
});

describe('headerProblem', () => {
  it.each<[string, string | undefined, string | undefined, string | undefined, RegExp | undefined]>([
    ['what Prometheus 2 sends', 'application/x-protobuf', 'snappy', '0.1.0', undefined],
    ['the type with its message', 'application/x-protobuf;proto=prometheus.WriteRequest', 'snappy', '0.1.0', undefined],
    ['no type', undefined, 'snappy', undefined, undefined],
    ['remote write 2.0', 'application/x-protobuf;proto=io.prometheus.write.v2.Request', 'snappy', '2.0.0', /1\.0/],
    ['zstd', 'application/x-protobuf', 'zstd', undefined, /zstd/],
    ['no encoding', 'application/x-protobuf', undefined, undefined, /missing/],
    ['JSON', 'application/json', 'snappy', undefined, /application\/json/],
  ])('judges %s', (_what, type, encoding, version, problem) => {
    const found = headerProblem(type, encoding, version);
    if (problem) expect(found).toMatch(problem);
    else expect(found).toBeUndefined();
  });
});
