import fc from 'fast-check';
import { pack, type Staged, unpack } from './outbox-row.js';

const staged: fc.Arbitrary<Staged> = fc
  .record(
    {
      topic: fc.string({ minLength: 1 }),
      key: fc.option(fc.string()),
      value: fc.option(fc.uint8Array().map((bytes) => Buffer.from(bytes))),
      partition: fc.nat(100),
      headers: fc.dictionary(fc.string(), fc.string(), { maxKeys: 3, noNullPrototype: true }),
    },
    { requiredKeys: ['topic', 'key', 'value'] },
  )
  .map((record) => record);

describe('packed outbox rows', () => {
  it('contain records of every kind, in order, with their bytes unchanged', () => {
    fc.assert(
      fc.property(fc.array(staged), (records) => {
        expect(pack(records).flatMap(unpack)).toEqual(records);
      }),
    );
  });

  it('take text as its UTF-8 bytes', () => {
    expect(pack([{ topic: 't', key: 'ключ', value: '{"é":1}' }]).flatMap(unpack)).toEqual([
      { topic: 't', key: 'ключ', value: Buffer.from('{"é":1}') },
    ]);
  });

  it('are split so that none grows beyond a mebibyte, save for a record that is larger itself', () => {
    const value = 'x'.repeat(400_000);
    const parcels = pack(Array.from({ length: 6 }, () => ({ topic: 't', key: null, value })));
    expect(parcels.map((parcel) => unpack(parcel).length)).toEqual([2, 2, 2]);
    expect(pack([{ topic: 't', key: null, value: 'x'.repeat(2_000_000) }]).map((parcel) => unpack(parcel).length)).toEqual([1]);
    expect(pack([])).toEqual([]);
  });

  it('that are cut off are an error', () => {
    const [parcel] = pack([{ topic: 't', key: null, value: 'value' }]);
    expect(() => unpack(parcel!.subarray(0, parcel!.length - 1))).toThrow('truncated');
  });
});
