import { promisify } from 'node:util';
import { gunzip, inflate, inflateRaw, type InputType, type ZlibOptions } from 'node:zlib';
import { TocsinError } from '../shared/errors.js';

/** Maximum size of a decompressed body, as a multiple of MAX_BODY_BYTES. */
export const DECOMPRESSED_TIMES = 4;

type Undo = (bytes: InputType, options: ZlibOptions) => Promise<Buffer>;

const undoGzip: Undo = promisify(gunzip);
const undoZlib: Undo = promisify(inflate);
const undoRaw: Undo = promisify(inflateRaw);
/** `deflate` means the zlib format; some senders omit its two-byte header. */
const undoDeflate: Undo = (bytes, options) => ((bytes as Buffer)[0]! % 16 === 8 ? undoZlib : undoRaw)(bytes, options);

const undo = new Map<string, Undo>([
  ['gzip', undoGzip],
  ['x-gzip', undoGzip],
  ['deflate', undoDeflate],
]);

/**
 * Decompresses a body, off the main thread and up to `limit` bytes.
 * Throws {@link TocsinError} T1003 when the result exceeds the limit, T1004 for an unsupported encoding, T1007 for corrupt bytes.
 */
export async function decompress(bytes: Buffer, encoding: string, limit: number): Promise<Buffer> {
  const decoder = undo.get(encoding);
  if (!decoder) throw new TocsinError('T1004', `content encoding ${encoding}; supported: gzip, deflate`);
  if (bytes.length === 0) return bytes;
  try {
    return await decoder(bytes, { maxOutputLength: limit });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw new TocsinError('T1003', `more than ${limit} bytes when decompressed`);
    throw new TocsinError('T1007', `${encoding}: ${message}`);
  }
}
