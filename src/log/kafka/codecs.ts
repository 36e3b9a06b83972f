import kafkajs from 'kafkajs';
import snappy from 'kafkajs-snappy';
import { compress, decompress } from 'lz4js';

const { CompressionCodecs, CompressionTypes } = kafkajs;

export interface Codec {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
}

/** Registers the pure JavaScript codecs, so that records of other producers can be read whatever they chose (zstd excepted). */
export function registerCodecs(): void {
  CompressionCodecs[CompressionTypes.Snappy] = snappy;
  CompressionCodecs[CompressionTypes.LZ4] = () => ({
    compress: (encoder: { buffer: Buffer }) => Promise.resolve(Buffer.from(compress(encoder.buffer))),
    decompress: (buffer: Buffer) => Promise.resolve(Buffer.from(decompress(buffer))),
  });
}

/** The number that Kafka gives a compression. */
export const compression = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
} as const;
