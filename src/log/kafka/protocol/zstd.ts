import zlib from 'node:zlib';

interface NodeZstd {
  readonly zstdCompressSync?: (bytes: Buffer) => Buffer;
  readonly zstdDecompressSync?: (bytes: Buffer, options: { maxOutputLength: number }) => Buffer;
}

interface ZstdWasm {
  init(): Promise<void>;
  compress(bytes: Uint8Array, level?: number): Uint8Array;
  decompress(bytes: Uint8Array, options: { defaultHeapSize: number }): Uint8Array;
}

const COMPRESSION_LEVEL = 3;
const native = zlib as NodeZstd;
let wasm: Promise<ZstdWasm> | undefined;

/** Loaded lazily: zstd is rarely used. */
async function loadWasm(): Promise<ZstdWasm> {
  const module = (await import('@bokuweb/zstd-wasm')) as unknown as ZstdWasm;
  await module.init();
  return module;
}

/** Uses zstd of node:zlib where available (22.15 and later), else WebAssembly. */
export async function compressZstd(bytes: Buffer): Promise<Buffer> {
  if (native.zstdCompressSync) return native.zstdCompressSync(bytes);
  const { compress } = await (wasm ??= loadWasm());
  return asBuffer(compress(bytes, COMPRESSION_LEVEL));
}

/** Decompresses all frames, including those without a content size (the Java client). Throws when they are corrupt or exceed `limit` bytes. */
export async function decompressZstd(bytes: Buffer, limit: number): Promise<Buffer> {
  if (native.zstdDecompressSync) return native.zstdDecompressSync(bytes, { maxOutputLength: limit });
  const { decompress } = await (wasm ??= loadWasm());
  for (let size = Math.min(limit, Math.max(1024 * 1024, bytes.length * 8)); ; size = Math.min(limit, size * 2)) {
    try {
      return asBuffer(decompress(bytes, { defaultHeapSize: size }));
    } catch (error) {
      // Error −70: the output buffer is too small.
      if (size >= limit || !(error instanceof Error && error.message.endsWith('code -70'))) throw error;
    }
  }
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
