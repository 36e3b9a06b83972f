import fc from 'fast-check';
import { uncompress } from './snappy.js';

const { compress } = jest.requireActual<{ compress(plain: Buffer): Buffer }>('snappyjs');

const MIB = 1_048_576;

describe('uncompress', () => {
  it.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['a byte', Buffer.from('x')],
    ['one byte many times', Buffer.alloc(100_000, 'a')],
    ['text that repeats', Buffer.from('instance="10.0.0.1:9100",job="node",'.repeat(5000))],
    ['a long literal', Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7919 + (index >> 3) * 104_729) & 0xff))],
  ])('gives back %s', (_what, plain) => {
    expect(uncompress(compress(plain), MIB)).toEqual(plain);
  });

  it('gives back whatever was compressed', () => {
    const parts = fc.array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 200 })), { maxLength: 30 });
    fc.assert(
      fc.property(parts, (list) => {
        const plain = Buffer.concat(list.map(([bytes, times]) => Buffer.concat(Array<Uint8Array>(times).fill(bytes))));
        expect(uncompress(compress(plain), MIB)).toEqual(plain);
      }),
      { numRuns: 200 },
    );
  });

  it.each<[string, number[], string]>([
    ['no bytes at all', [], 'malformed'],
    ['a length that does not end', [0x80, 0x80, 0x80, 0x80, 0x80, 0x01], 'malformed'],
    ['a length of more than 32 bits', [0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0], 'malformed'],
    ['a length above the limit', [0x81, 0x80, 0x40, 0x00, 0x61], 'too large'],
    ['a length that so few bytes cannot make', [0xff, 0xff, 0x3f, 0x00, 0x61], 'malformed'],
    ['less than the length says', [2, 0x00, 0x61], 'malformed'],
    ['more than the length says', [1, 0x04, 0x61, 0x61], 'malformed'],
    ['a literal that is cut', [5, 0x10, 0x61], 'malformed'],
    ['a literal whose length is cut', [5, 0xf4, 0x10], 'malformed'],
    ['a literal of negative length', [10, 0xfc, 0xf0, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0], 'malformed'],
    ['a copy of what was never written', [4, 0x01, 0x00], 'malformed'],
    ['a copy from before the start', [9, 0x00, 0x61, 0x11, 0x05], 'malformed'],
    ['a copy that is cut', [9, 0x00, 0x61, 0x02], 'malformed'],
  ])('refuses %s', (_what, bytes, reason) => {
    expect(uncompress(Buffer.from(bytes), MIB)).toBe(reason);
  });

  it('ends with an answer whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const result = uncompress(Buffer.from(bytes), 500);
        expect(typeof result === 'string' ? ['malformed', 'too large'] : [true]).toContain(
          typeof result === 'string' ? result : result.length <= 500,
        );
      }),
      { numRuns: 5000 },
    );
  });
});
