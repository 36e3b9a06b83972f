import { promisify } from 'node:util';
import zlib from 'node:zlib';
import kafkajs from 'kafkajs';
import snappy from 'kafkajs-snappy';
import type { CompressionName } from '../../../shared/setting.js';
import { compressLz4, decompressLz4 } from './lz4.js';
import { compressZstd, decompressZstd } from './zstd.js';

const { CompressionCodecs, CompressionTypes } = kafkajs;

/** What kafkajs calls a codec. */
export interface KafkajsCodec {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
}

/** How the records of a batch are compressed. */
export interface Compression {
  /** Its number in Kafka's protocol. */
  readonly codec: number;
  compress(records: Buffer): Promise<Buffer>;
  decompress(records: Buffer): Promise<Buffer>;
}

/** A batch that decompresses to more is an attack or a mistake. */
const MAX_DECOMPRESSED_BYTES = 128 * 1024 * 1024;

const gzip = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gzip);
const gunzip = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gunzip);
const snappyCodec = snappy();
const identity = (records: Buffer): Promise<Buffer> => Promise.resolve(records);

/** Every compression that Kafka knows, by the name of the settings. */
export const compressions = {
  none: { codec: CompressionTypes.None, compress: identity, decompress: identity },
  gzip: {
    codec: CompressionTypes.GZIP,
    compress: (records) => gzip(records, { level: 1 }),
    decompress: (records) => gunzip(records, { maxOutputLength: MAX_DECOMPRESSED_BYTES }),
  },
  snappy: {
    codec: CompressionTypes.Snappy,
    compress: (records) => snappyCodec.compress({ buffer: records }),
    decompress: (records) => snappyCodec.decompress(records),
  },
  lz4: {
    codec: CompressionTypes.LZ4,
    compress: (records) => Promise.resolve(compressLz4(records)),
    decompress: async (records) => Promise.resolve(decompressLz4(records, MAX_DECOMPRESSED_BYTES)),
  },
  zstd: { codec: CompressionTypes.ZSTD, compress: compressZstd, decompress: (records) => decompressZstd(records, MAX_DECOMPRESSED_BYTES) },
} as const satisfies Record<CompressionName, Compression>;

/** Teaches kafkajs all codecs, so that records of other producers can be read whatever they chose. */
export function registerCodecs(): void {
  for (const { codec, compress, decompress } of [compressions.gzip, compressions.snappy, compressions.lz4, compressions.zstd]) {
    CompressionCodecs[codec] = (): KafkajsCodec => ({
      compress: ({ buffer }) => compress(buffer),
      // A RangeError would be the end of a kafkajs consumer.
      decompress: (buffer) =>
        decompress(buffer).catch((error: unknown) => {
          throw new Error(`batch cannot be decompressed: ${error instanceof Error ? error.message : String(error)}`);
        }),
    });
  }
}
