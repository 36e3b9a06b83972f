const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/** murmur2 (32 bit) as Kafka's Java client computes it. */
export function murmur2(key: Buffer): number {
  let h = SEED ^ key.length;
  const end = key.length & ~3;
  for (let i = 0; i < end; i += 4) {
    let k = Math.imul(key.readInt32LE(i), M);
    k = Math.imul(k ^ (k >>> 24), M);
    h = Math.imul(h, M) ^ k;
  }
  const rest = key.length - end;
  if (rest >= 3) h ^= (key[end + 2]! & 0xff) << 16;
  if (rest >= 2) h ^= (key[end + 1]! & 0xff) << 8;
  if (rest >= 1) h = Math.imul(h ^ (key[end]! & 0xff), M);
  h = Math.imul(h ^ (h >>> 13), M);
  return h ^ (h >>> 15);
}

/** Partition of a key, the same as the Java client's default partitioner. */
export function murmur2Partition(key: string, partitions: number): number {
  return (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions;
}
