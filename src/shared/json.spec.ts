import fc from 'fast-check';
import { JsonError, MAX_DEPTH, decodeText, flawOf, parseJson } from './json.js';

const bytes = (text: string) => Buffer.from(text);
const nested = (levels: number) => bytes('['.repeat(levels) + ']'.repeat(levels));

function reason(input: Buffer): string {
  try {
    parseJson(input);
    return 'accepted';
  } catch (error) {
    return error instanceof JsonError ? error.reason : String(error);
  }
}

describe('parseJson', () => {
  it.each([
    ['an object', bytes('{"a":[1,{"b":null}]}'), 'accepted'],
    ['a text with a byte order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes('{}')]), 'accepted'],
    ['the word constructor as a value', bytes('{"a":"constructor"}'), 'accepted'],
    ['as many levels as allowed', nested(MAX_DEPTH), 'accepted'],
    ['one level too many', nested(MAX_DEPTH + 1), 'depth'],
    ['100,000 levels', nested(100_000), 'depth'],
    ['100,000 levels of objects', bytes('{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)), 'depth'],
    ['a cut text', bytes('{"a":'), 'json'],
    ['nothing', bytes(''), 'json'],
    ['blanks', bytes(' \n'), 'json'],
    ['a lonely continuation byte', Buffer.from([0x22, 0x80, 0x22]), 'utf8'],
    ['an overlong form', Buffer.from([0x22, 0xc0, 0xaf, 0x22]), 'utf8'],
    ['a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'utf8'],
    ['a key __proto__', bytes('{"a":[{"__proto__":{"polluted":1}}]}'), 'proto'],
    ['a key __proto__ in disguise', bytes('{"\\u005f_proto__":1}'), 'proto'],
    ['a key constructor', bytes('{"constructor":{"prototype":{"polluted":1}}}'), 'proto'],
    ['a key prototype', bytes('{"a":{"prototype":1}}'), 'proto'],
  ])('takes or refuses %s', (_what, input, expected) => {
    expect(reason(input)).toBe(expected);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('says where the text goes wrong', () => {
    expect(() => parseJson(bytes('{"a":1,}'))).toThrow(/position 7/);
  });

  it('gives what JSON.parse gives for every value without forbidden keys and depth', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6, noUnicodeString: false }), (value) => {
        const text = JSON.stringify(value);
        const plain: unknown = JSON.parse(text);
        if (flawOf(plain, MAX_DEPTH)) return expect(() => parseJson(bytes(text))).toThrow(JsonError);
        expect(parseJson(bytes(text))).toEqual(plain);
      }),
    );
  });

  it('throws nothing but JsonError whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (input) => {
        expect(['accepted', 'utf8', 'json', 'depth', 'proto']).toContain(reason(Buffer.from(input)));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('decodeText', () => {
  it('keeps every character outside ASCII', () => {
    expect(decodeText(bytes('空闲 😀 é'))).toBe('空闲 😀 é');
  });
});
