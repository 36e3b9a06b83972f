import { crc32 } from 'node:zlib';
import type { Block } from './checkpoint.repository.js';

/** Grows with every change of what blocks hold; a snapshot of another format cannot be read. */
const FORMAT = 1;
/** Format (1 byte) and checksum (4). */
const HEADER = 5;

export const HEAD = 'head';

/** What of a partition's memory is in no series and no lease. */
export interface Head {
  readonly clock: number;
  /** Greatest timestamp of a tick; null before the first. */
  readonly lastTick: number | null;
  readonly rulesVersion: number;
  /** Leases that were ever opened. */
  readonly opened: number;
  readonly counts: Readonly<Record<string, number>>;
  /** Which ids of latest events are remembered; absent in checkpoints from before they were. */
  readonly ids?: { readonly generation: number; readonly size: number };
}

/** Packs bytes as a block. The checksum covers the id too, so that no block can stand in for another. */
export function seal(id: string, payload: readonly Uint8Array[]): Block {
  const bytes = Buffer.concat([Buffer.alloc(HEADER), ...payload]);
  bytes[0] = FORMAT;
  bytes.writeUInt32LE(checksum(id, bytes.subarray(HEADER)), 1);
  return { id, bytes };
}

export const sealJson = (id: string, value: unknown): Block => seal(id, [Buffer.from(JSON.stringify(value))]);

/** The bytes that were packed. Throws an Error that names the block when they are not what was stored. */
export function unseal({ id, bytes }: Block): Buffer {
  if (bytes.length < HEADER) throw new Error(`checkpoint block ${id} is cut off`);
  if (bytes[0] !== FORMAT) throw new Error(`checkpoint block ${id} has format ${bytes[0]}, this version reads ${FORMAT}`);
  const payload = bytes.subarray(HEADER);
  if (bytes.readUInt32LE(1) !== checksum(id, payload)) throw new Error(`checkpoint block ${id} is broken: its checksum differs`);
  return payload;
}

/** The caller knows the shape: the checksum says that the value is the one which was packed. */
export const unsealJson = (block: Block): unknown => JSON.parse(unseal(block).toString());

/** Version of the rule set with which a snapshot must be restored. Throws when the head is missing or broken. */
export function snapshotRulesVersion(blocks: Iterable<Block>): number {
  for (const block of blocks) if (block.id === HEAD) return headOf(block).rulesVersion;
  throw new Error(`checkpoint block ${HEAD} is missing`);
}

export const headOf = (block: Block): Head => unsealJson(block) as Head;

const checksum = (id: string, payload: Uint8Array): number => crc32(payload, crc32(id));
