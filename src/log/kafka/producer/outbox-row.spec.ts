import fc from 'fast-check';
import { encodeOutboxRows, type StagedRecord, decodeOutboxRow } from './outbox-row.js';

const staged: fc.Arbitrary<StagedRecord> = fc
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
        expect(encodeOutboxRows(records).flatMap(decodeOutboxRow)).toEqual(records);
      }),
    );
  });

  it('encode text as UTF-8', () => {
    expect(encodeOutboxRows([{ topic: 't', key: 'ключ', value: '{"é":1}' }]).flatMap(decodeOutboxRow)).toEqual([
      { topic: 't', key: 'ключ', value: Buffer.from('{"é":1}') },
    ]);
  });

  it('are split at 1 MiB, unless a single record is larger', () => {
    const value = 'x'.repeat(400_000);
    const rows = encodeOutboxRows(Array.from({ length: 6 }, () => ({ topic: 't', key: null, value })));
    expect(rows.map((row) => decodeOutboxRow(row).length)).toEqual([2, 2, 2]);
    expect(encodeOutboxRows([{ topic: 't', key: null, value: 'x'.repeat(2_000_000) }]).map((row) => decodeOutboxRow(row).length)).toEqual([1]);
    expect(encodeOutboxRows([])).toEqual([]);
  });

  it('throw an error when they are truncated', () => {
    const [row] = encodeOutboxRows([{ topic: 't', key: null, value: 'value' }]);
    expect(() => decodeOutboxRow(row!.subarray(0, row!.length - 1))).toThrow('truncated');
  });
});
