import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import type { CompressionName } from '../../../shared/setting.js';
import { compressions } from './codecs.client.js';
import { crc32c } from './crc32c.js';
import { compressLz4, decompressLz4 } from './lz4.js';
import { encodeRecords } from './record-batch.js';

/** Record batches of Java's kafka-clients 4.3.1, one per codec. */
const java = JSON.parse(readFileSync('test/vectors/java-batches.json', 'utf8')) as Record<CompressionName, string>;
const names = Object.keys(compressions) as CompressionName[];

const event = (index: number): string =>
  `{"event_id":"e-${index}","metric":"cpu.usage","value":${index % 97},"host":"host-${index % 31}","text":"${'业务'.repeat(index % 3)}"}`;
const records = encodeRecords(
  Array.from({ length: 3000 }, (_, index) => ({ key: 'k', value: event(index), keyBytes: 1, valueBytes: Buffer.byteLength(event(index)) })),
);

describe.each(names)('%s', (name) => {
  const { codec, compress, decompress } = compressions[name];

  it('restores compressed data of any size', async () => {
    for (const size of [0, 1, 4, 11, 12, 13, 14, 100, 65_535, 65_536, 65_537, 200_000]) {
      const bytes = records.subarray(0, size);
      expect((await decompress(await compress(bytes))).equals(bytes)).toBe(true);
    }
  });

  it('decodes batches of the Java client', async () => {
    const batch = Buffer.from(java[name], 'base64');
    expect(batch.readInt16BE(21) & 7).toBe(codec);
    expect((await decompress(batch.subarray(61))).equals(Buffer.from(java.none, 'base64').subarray(61))).toBe(true);
  });

  it('never hangs on corrupt data', async () => {
    const whole = await compress(records.subarray(0, 5000));
    for (let at = 0; at < whole.length; at += 7) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 0x5a;
      for (const bytes of [damaged, whole.subarray(0, at)]) {
        const outcome = await decompress(bytes).then(
          () => 'bytes',
          (error: Error) => typeof error.message,
        );
        expect(['bytes', 'string']).toContain(outcome);
      }
    }
  });
});

describe('LZ4', () => {
  it('restores arbitrary data', () => {
    const repetitive = fc
      .array(fc.constantFrom('aaaa', 'abcdefgh', 'x', '0123456789abcdef'.repeat(20)), { maxLength: 400 })
      .map((all) => Buffer.from(all.join('')));
    const random = fc.uint8Array({ maxLength: 5000 }).map((bytes) => Buffer.from(bytes));
    fc.assert(fc.property(fc.oneof(repetitive, random), (bytes) => decompressLz4(compressLz4(bytes), 1e6).equals(bytes)));
  });

  it('rejects data that decompresses to more than the limit', () => {
    expect(() => decompressLz4(compressLz4(records), 1000)).toThrow('at most 1000');
  });
});

it('computes the same checksum of a batch as the Java client', () => {
  for (const name of names) {
    const batch = Buffer.from(java[name], 'base64');
    expect(crc32c(batch, 21)).toBe(batch.readUInt32BE(17));
  }
});
