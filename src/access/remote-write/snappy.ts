/** Maximum ratio of output to input bytes: a copy element of 3 bytes produces at most 64. */
const MAX_COMPRESSION_RATIO = 22;

/** Why bytes are rejected: not a snappy block, or one whose output is too large. */
export type SnappyFlaw = 'malformed' | 'too large';

/**
 * Decompresses a snappy block (the format without framing that remote write uses) to at most `limit` bytes; returns the reason when it cannot.
 * Implemented here because a negative length can make the decoder of the snappyjs package loop.
 */
export function uncompress(block: Buffer, limit: number): Buffer | SnappyFlaw {
  const header = readLength(block);
  if (!header) return 'malformed';
  if (header.length > limit) return 'too large';
  if (header.length > block.length * MAX_COMPRESSION_RATIO) return 'malformed';
  const output = Buffer.allocUnsafe(header.length);
  return fill(output, block, header.next) ? output : 'malformed';
}

/** The length of the output: a varint of at most 32 bits. */
function readLength(block: Buffer): { length: number; next: number } | undefined {
  let length = 0;
  for (let next = 0; next < 5 && next < block.length; next++) {
    const byte = block[next]!;
    length += (byte & 0x7f) * 2 ** (7 * next);
    if (byte < 0x80) return length < 2 ** 32 ? { length, next: next + 1 } : undefined;
  }
  return undefined;
}

/** Whether the elements of the block produce exactly the output. */
function fill(output: Buffer, block: Buffer, start: number): boolean {
  let from = start;
  let to = 0;
  while (from < block.length) {
    const tag = block[from++]!;
    const kind = tag & 3;
    if (kind === 0) {
      const wide = Math.max(0, (tag >> 2) - 59);
      if (from + wide > block.length) return false;
      const length = (wide === 0 ? tag >> 2 : block.readUIntLE(from, wide)) + 1;
      from += wide;
      if (from + length > block.length || to + length > output.length) return false;
      block.copy(output, to, from, from + length);
      from += length;
      to += length;
    } else {
      const wide = kind === 3 ? 4 : kind;
      if (from + wide > block.length) return false;
      const length = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
      const back = kind === 1 ? ((tag >> 5) << 8) + block[from]! : block.readUIntLE(from, wide);
      from += wide;
      if (back === 0 || back > to || to + length > output.length) return false;
      repeat(output, to, back, length);
      to += length;
    }
  }
  return to === output.length;
}

/** The copy may overlap its own output; the bytes then repeat. */
function repeat(output: Buffer, to: number, back: number, length: number): void {
  if (back >= length) output.copyWithin(to, to - back, to - back + length);
  else for (let index = 0; index < length; index++) output[to + index] = output[to - back + index]!;
}
