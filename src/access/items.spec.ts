import fc from 'fast-check';
import { TocsinError } from '../shared/errors.js';
import { readItems } from './items.js';
import { Rejection } from './rejection.js';

const LINES = 'application/x-ndjson';
const read = (body: string | Buffer, contentType?: string, most = 100) => readItems(Buffer.from(body), contentType, most);

function failure(body: string | Buffer, contentType?: string, most?: number): string {
  try {
    read(body, contentType, most);
    return 'read';
  } catch (error) {
    return error instanceof TocsinError ? error.code : String(error);
  }
}

describe('readItems', () => {
  it.each<[string, string, string | undefined, unknown[]]>([
    ['one object', '{"a":1}', 'application/json', [{ a: 1 }]],
    ['an array', '[{"a":1},{"a":2}]', 'application/json', [{ a: 1 }, { a: 2 }]],
    ['an empty array', '[]', undefined, []],
    ['a list of events', '{"events":[{"a":1}]}', undefined, [{ a: 1 }]],
    ['an event that has a field events', '{"event_type":"log","events":[1]}', undefined, [{ event_type: 'log', events: [1] }]],
    ['a value that is no object', '7', undefined, [7]],
    ['lines', '{"a":1}\n{"a":2}\n', LINES, [{ a: 1 }, { a: 2 }]],
    ['lines that say so with a charset', '{"a":1}\n{"a":2}', 'application/ndjson; charset=utf-8', [{ a: 1 }, { a: 2 }]],
    ['lines with blank ones between them', '\n{"a":1}\r\n\r\n \n{"a":2}', LINES, [{ a: 1 }, { a: 2 }]],
    ['one line', '{"a":1}', LINES, [{ a: 1 }]],
    ['no lines', '', LINES, []],
    ['lines that do not say so', '{"a":1}\n{"a":2}', undefined, [{ a: 1 }, { a: 2 }]],
    ['a document over several lines', '{\n"a":\n1}', undefined, [{ a: 1 }]],
  ])('finds the items in %s', (_what, body, contentType, expected) => {
    expect(read(body, contentType)).toEqual(expected);
  });

  it.each<[string, string | Buffer, string]>([
    ['is cut', '{"a":', 'T1001'],
    ['is cut on its last line', '[{"a":1},\n{"a":', 'T1001'],
    ['is empty', '', 'T1001'],
    ['is not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 'T1002'],
  ])('refuses a document that %s', (_what, body, code) => {
    expect(failure(body)).toBe(code);
  });

  it('refuses more items than allowed in every form', () => {
    expect(failure('[1,2,3]', undefined, 2)).toBe('T1010');
    expect(failure('{"events":[1,2,3]}', undefined, 2)).toBe('T1010');
    expect(failure('1\n2\n3', LINES, 2)).toBe('T1010');
    expect(failure('1\n2\n', LINES, 2)).toBe('read');
  });

  it('loses only the line that is broken, and names it', () => {
    const broken = Buffer.concat([Buffer.from('{"a":1}\n{"a":\n\n"'), Buffer.from([0xff]), Buffer.from('"\n{"a":2}')]);
    const items = read(broken, LINES);
    expect(items).toEqual([{ a: 1 }, expect.any(Rejection), expect.any(Rejection), { a: 2 }]);
    expect(items[1]).toMatchObject({ code: 'T1001', message: expect.stringContaining('line 2') });
    expect(items[2]).toMatchObject({ code: 'T1002', message: expect.stringContaining('line 4') });
  });

  it('throws nothing but a code whatever the bytes are', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '1', '\n', 'a') }).map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(bytes, fc.constantFrom(LINES, undefined), (body, contentType) => {
        expect(['read', 'T1001', 'T1002', 'T1010']).toContain(failure(Buffer.from(body), contentType, 5));
      }),
      { numRuns: 2000 },
    );
  });
});
