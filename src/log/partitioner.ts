import { TocsinError } from '../shared/errors.js';
import { topics } from '../topics.js';

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

const CRC32 = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** CRC-32 as in zlib, unsigned. */
export function crc32(key: Buffer): number {
  let crc = -1;
  for (const byte of key) crc = CRC32[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ -1) >>> 0;
}

/** FNV-1a (32 bit), signed. */
export function fnv1a(key: Buffer): number {
  let hash = 0x811c9dc5 | 0;
  for (const byte of key) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}

type KeyPartitioner = (key: Buffer, partitions: number) => number;

/** Partitioners of other clients, by the names of KAFKA_PARTITIONER. */
export const keyPartitioners = {
  /** Java's default. */
  murmur2: (key, partitions) => (murmur2(key) & 0x7fffffff) % partitions,
  /** librdkafka's `consistent`. */
  crc32: (key, partitions) => crc32(key) % partitions,
  /** Sarama's hash partitioner. */
  fnv1a: (key, partitions) => Math.abs(fnv1a(key) % partitions),
} as const satisfies Record<string, KeyPartitioner>;

export type PartitionerName = keyof typeof keyPartitioners | 'round_robin';

/** Partition of a key, the same as the Java client's default partitioner. */
export const murmur2Partition = (key: string, partitions: number): number => keyPartitioners.murmur2(Buffer.from(key), partitions);

/**
 * Selects the partition of a record, once, before the first attempt, so that a retry cannot move it.
 * @param exceptions from murmur2, by topic. Throws {@link TocsinError} T5001 when round robin would break the order that a stage relies on.
 */
export class Partitioning {
  readonly #turns = new Map<string, number>();

  constructor(private readonly exceptions: ReadonlyMap<string, PartitionerName> = new Map()) {
    const keyed = Object.values(topics).find(({ name }) => exceptions.get(name) === 'round_robin');
    if (keyed) throw new TocsinError('T5001', `KAFKA_PARTITIONER=${keyed.name}=round_robin: ${keyed.name} must be partitioned by key`);
  }

  partition(topic: string, key: string | Buffer | null, partitions: number): number {
    const name = this.exceptions.get(topic) ?? 'murmur2';
    if (key !== null && name !== 'round_robin') return keyPartitioners[name](typeof key === 'string' ? Buffer.from(key) : key, partitions);
    const turn = this.#turns.get(topic) ?? 0;
    this.#turns.set(topic, turn + 1);
    return turn % partitions;
  }
}
