import { promisify } from 'node:util';
import zlib from 'node:zlib';
import kafkajs from 'kafkajs';
import snappy from 'kafkajs-snappy';
import type { CompressionName } from '../../../shared/setting.js';
import { compressLz4, decompressLz4 } from './lz4.js';
import { compressZstd, decompressZstd } from './zstd.js';
import { messageOf } from '../../../shared/error-message.js';

const { CompressionCodecs, CompressionTypes } = kafkajs;

/** A codec as kafkajs expects it. */
export interface KafkajsCodec {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
}

/** Compression of the records of a batch. */
export interface Compression {
  /** Codec number in the Kafka protocol. */
  readonly codec: number;
  compress(records: Buffer): Promise<Buffer>;
  decompress(records: Buffer): Promise<Buffer>;
}

/** Limit against decompression bombs and corrupt sizes. */
const MAX_DECOMPRESSED_BYTES = 128 * 1024 * 1024;

const gzip = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gzip);
const gunzip = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gunzip);
const snappyCodec = snappy();
const identity = (records: Buffer): Promise<Buffer> => Promise.resolve(records);

/** Every compression of Kafka, by its name in the settings. */
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

/** Registers all codecs with kafkajs, so that records of other producers can be read whatever compression they use. */
export function registerCodecs(): void {
  for (const { codec, compress, decompress } of [compressions.gzip, compressions.snappy, compressions.lz4, compressions.zstd]) {
    CompressionCodecs[codec] = (): KafkajsCodec => ({
      compress: ({ buffer }) => compress(buffer),
      // kafkajs stops the consumer on a RangeError.
      decompress: (buffer) =>
        decompress(buffer).catch((error: unknown) => {
          throw new Error(`batch cannot be decompressed: ${messageOf(error)}`);
        }),
    });
  }
}
