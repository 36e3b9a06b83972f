/**
 * LZ4 frames as Kafka uses them: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
 * Encodes independent blocks of 64 KiB without checksums, because the record batch has a CRC. Decodes everything except dictionaries.
 */
const MAGIC = 0x184d2204;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** Magic number, version 1 with independent blocks, block size 64 KiB, header checksum. */
const HEADER = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]);
const BLOCK_BYTES = 65_536;
const UNCOMPRESSED = 0x80000000;

const HASH_BITS = 14;
const MIN_MATCH = 4;
/** A match must start at least this many bytes before the end of its block; the last 5 bytes are literals. */
const MATCH_MARGIN = 12;
const LAST_LITERALS = 5;

const table = new Int32Array(1 << HASH_BITS);

const read32 = (bytes: Buffer, at: number): number => bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);

export function compressLz4(source: Buffer): Buffer {
  const blocks = Math.ceil(source.length / BLOCK_BYTES);
  const target = Buffer.allocUnsafe(HEADER.length + source.length + blocks * (8 + Math.ceil(BLOCK_BYTES / 255)) + 32);
  let at = HEADER.copy(target);
  table.fill(-1);
  for (let start = 0; start < source.length; start += BLOCK_BYTES) {
    const end = Math.min(start + BLOCK_BYTES, source.length);
    const blockEnd = compressBlock(source, start, end, target, at + 4);
    let length = blockEnd - at - 4;
    if (length >= end - start) {
      length = source.copy(target, at + 4, start, end);
      target.writeUInt32LE((length | UNCOMPRESSED) >>> 0, at);
    } else target.writeUInt32LE(length, at);
    at += 4 + length;
  }
  return target.subarray(0, target.writeUInt32LE(0, at));
}

/** Compresses source[start, end) as one block at `out` and returns the end of the block. Matches never reach before `start`. */
function compressBlock(source: Buffer, start: number, end: number, target: Buffer, out: number): number {
  const lastMatch = end - MATCH_MARGIN;
  const matchEnd = end - LAST_LITERALS;
  let anchor = start;
  let at = start;
  let misses = 1 << 6;
  while (at <= lastMatch) {
    const word = read32(source, at);
    const slot = Math.imul(word, -1640531535) >>> (32 - HASH_BITS);
    let candidate = table[slot]!;
    table[slot] = at;
    if (candidate < start || at - candidate > 65_535 || read32(source, candidate) !== word) {
      // Skip faster through data without matches.
      at += misses++ >> 6;
      continue;
    }
    misses = 1 << 6;
    const offset = at - candidate;
    const literals = at - anchor;
    at += MIN_MATCH;
    candidate += MIN_MATCH;
    const from = at;
    while (at < matchEnd && source[at] === source[candidate]) {
      at++;
      candidate++;
    }
    out = writeSequence(source, anchor, literals, target, out, at - from);
    target[out++] = offset & 0xff;
    target[out++] = offset >> 8;
    if (at - from >= 15) out = writeLength(target, out, at - from - 15);
    anchor = at;
  }
  return writeSequence(source, anchor, end - anchor, target, out, 0);
}

/** Writes the token and the literals of a sequence. */
function writeSequence(source: Buffer, anchor: number, literals: number, target: Buffer, start: number, match: number): number {
  let out = start;
  target[out++] = (Math.min(literals, 15) << 4) | Math.min(match, 15);
  if (literals >= 15) out = writeLength(target, out, literals - 15);
  if (literals > 32) return out + source.copy(target, out, anchor, anchor + literals);
  for (let index = 0; index < literals; index++) target[out++] = source[anchor + index]!;
  return out;
}

function writeLength(target: Buffer, start: number, rest: number): number {
  let out = start;
  for (; rest >= 255; rest -= 255) target[out++] = 255;
  target[out++] = rest;
  return out;
}

interface Lz4Block {
  readonly from: number;
  readonly to: number;
  readonly isUncompressed: boolean;
}

/** Decompresses all concatenated frames. Throws when they are truncated, not LZ4, or larger than `limit` bytes in total. */
export function decompressLz4(source: Buffer, limit: number): Buffer {
  const blocks = readBlocks(source);
  const length = blocks.reduce((sum, block) => sum + (block.isUncompressed ? block.to - block.from : decompressedLength(source, block)), 0);
  if (length > limit) throw new Error(`${length} bytes, at most ${limit}`);
  const target = Buffer.allocUnsafe(length);
  let at = 0;
  for (const block of blocks)
    at = block.isUncompressed ? at + source.copy(target, at, block.from, block.to) : decompressBlock(source, block, target, at);
  return target;
}

function readBlocks(source: Buffer): Lz4Block[] {
  const blocks: Lz4Block[] = [];
  let at = 0;
  while (at < source.length) {
    const magic = source.readUInt32LE(at);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) at += 8 + source.readUInt32LE(at + 4);
    else if (magic === MAGIC) at = readFrame(source, at + 4, blocks);
    else throw new Error('not an LZ4 frame');
  }
  return blocks;
}

function readFrame(source: Buffer, start: number, blocks: Lz4Block[]): number {
  const flags = source.readUInt8(start);
  if (flags >> 6 !== 1 || flags & 0x01) throw new Error('unsupported LZ4 frame');
  let at = start + 3 + (flags & 0x08 ? 8 : 0);
  for (;;) {
    const size = source.readUInt32LE(at);
    at += 4;
    if (size === 0) return at + (flags & 0x04 ? 4 : 0);
    const to = at + (size & ~UNCOMPRESSED);
    if (to > source.length) throw new Error('truncated LZ4 frame');
    blocks.push({ from: at, to, isUncompressed: size >>> 31 === 1 });
    at = to + (flags & 0x10 ? 4 : 0);
  }
}

/** Decompressed size of a block. */
function decompressedLength(source: Buffer, { from, to }: Lz4Block): number {
  let length = 0;
  for (let at = from; at < to;) {
    const token = source[at++]!;
    let literals = token >> 4;
    if (literals === 15) for (let byte = 255; byte === 255 && at < to; literals += byte) byte = source[at++]!;
    length += literals;
    at += literals;
    if (at >= to) break;
    at += 2;
    let match = token & 15;
    if (match === 15) for (let byte = 255; byte === 255 && at < to; match += byte) byte = source[at++]!;
    length += match + MIN_MATCH;
  }
  return length;
}

function decompressBlock(source: Buffer, { from, to }: Lz4Block, target: Buffer, start: number): number {
  let out = start;
  for (let at = from; at < to;) {
    const token = source[at++]!;
    let literals = token >> 4;
    if (literals === 15) for (let byte = 255; byte === 255 && at < to; literals += byte) byte = source[at++]!;
    if (at + literals > to) throw new Error('truncated LZ4 block');
    if (literals > 32) out += source.copy(target, out, at, at + literals);
    else for (let index = 0; index < literals; index++) target[out++] = source[at + index]!;
    at += literals;
    if (at >= to) break;
    const offset = source[at]! | (source[at + 1]! << 8);
    at += 2;
    let match = (token & 15) + MIN_MATCH;
    if (match === 15 + MIN_MATCH) for (let byte = 255; byte === 255 && at < to; match += byte) byte = source[at++]!;
    if (offset === 0 || offset > out) throw new Error('LZ4 match offset out of range');
    if (offset >= match && match > 32) out += target.copy(target, out, out - offset, out - offset + match);
    // The match overlaps its own output: a short pattern repeats.
    else for (const end = out + match; out < end; out++) target[out] = target[out - offset]!;
  }
  return out;
}
