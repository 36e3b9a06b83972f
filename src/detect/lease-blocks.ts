import { type BlockFormat, blockId, jsonFormat, kindOf, openBlock, blockPlace, sealBlock, sealJson } from './checkpoint-block.js';
import type { CheckpointBlock } from './checkpoint.repository.js';
import type { AlertLease, AlertLeases } from './leases.js';

/** Leases are stored by the first digits of their key, so that a lease that changes rewrites few others. */
const BUCKETS = 64;

/** The fields that change only with a message; ends move with every resend and have blocks of their own. */
type LeaseWithoutEnd = Omit<AlertLease, keyof LeaseEnd>;
type LeaseEnd = Pick<AlertLease, 'end' | 'explicit'>;

export const leaseFormat = jsonFormat<readonly LeaseWithoutEnd[]>('leases', 2);
/** In the order of the leases: end, and 1 when it is explicit, as doubles. */
export const leaseEndFormat: BlockFormat<readonly LeaseEnd[]> = { kind: 'lease-ends', format: 1, readers: { 1: unpackEnds } };

/** The changed blocks: per bucket the leases, and their ends. */
export function dirtyLeases(leases: AlertLeases): CheckpointBlock[] {
  const { changed, moved } = dirtyBuckets(leases);
  const held = byBucket(leases, moved);
  return [...moved].flatMap((bucket) => {
    const content = held.get(bucket);
    if (!content) return [];
    const ends = sealBlock(leaseEndFormat, `${bucket}`, [packEnds(content)]);
    return changed.has(bucket) ? [sealJson(leaseFormat, `${bucket}`, content.map(withoutEnd)), ends] : [ends];
  });
}

/** Names of the blocks whose last lease was forgotten. */
export function emptiedLeases(leases: AlertLeases): string[] {
  const { changed } = dirtyBuckets(leases);
  const held = byBucket(leases, changed);
  return [...changed]
    .filter((bucket) => !held.has(bucket))
    .flatMap((bucket) => [leaseFormat, leaseEndFormat].map(({ kind }) => blockId(kind, `${bucket}`)));
}

/** Fills empty leases; `opened` is how many there ever were. Throws an Error that names a block which is missing or damaged. */
export function restoreLeases(leases: AlertLeases, blocks: readonly CheckpointBlock[], opened: number): void {
  const named = new Map(blocks.map((block) => [block.id, block]));
  const restored: AlertLease[] = [];
  for (const block of blocks) {
    const ofLeases = kindOf(block) === leaseFormat.kind;
    const counterpart = named.get(blockId((ofLeases ? leaseEndFormat : leaseFormat).kind, blockPlace(block)));
    if (!counterpart) throw new Error(`checkpoint block ${block.id} lacks its counterpart`);
    if (ofLeases) restored.push(...joined(openBlock(leaseFormat, block), counterpart));
  }
  leases.restore(restored, opened);
}

function joined(leases: readonly LeaseWithoutEnd[], block: CheckpointBlock): AlertLease[] {
  const ends = openBlock(leaseEndFormat, block);
  if (ends.length !== leases.length) throw new Error(`checkpoint block ${block.id} does not fit its leases`);
  return leases.map((lease, index) => ({ ...lease, ...ends[index]! }));
}

function dirtyBuckets({ changed, moved }: AlertLeases): { changed: Set<number>; moved: Set<number> } {
  const buckets = [...changed].map(bucketOf);
  return { changed: new Set(buckets), moved: new Set([...buckets, ...[...moved].map(bucketOf)]) };
}

function byBucket(leases: AlertLeases, buckets: ReadonlySet<number>): Map<number, AlertLease[]> {
  const held = new Map<number, AlertLease[]>();
  if (buckets.size === 0) return held;
  for (const lease of leases.all()) {
    const bucket = bucketOf(lease.key);
    if (!buckets.has(bucket)) continue;
    const others = held.get(bucket);
    if (others) others.push(lease);
    else held.set(bucket, [lease]);
  }
  return held;
}

const bucketOf = (key: string): number => parseInt(key.slice(0, 2), 16) % BUCKETS;

const withoutEnd = ({ end: _end, explicit: _explicit, ...rest }: AlertLease): LeaseWithoutEnd => rest;

function packEnds(leases: readonly LeaseEnd[]): Buffer {
  const ends = Buffer.allocUnsafe(leases.length * 16);
  leases.forEach(({ end, explicit }, index) => {
    ends.writeDoubleLE(end, index * 16);
    ends.writeDoubleLE(explicit ? 1 : 0, index * 16 + 8);
  });
  return ends;
}

function unpackEnds(payload: Buffer): LeaseEnd[] {
  return Array.from({ length: payload.length / 16 }, (_, index) => ({
    end: payload.readDoubleLE(index * 16),
    explicit: payload.readDoubleLE(index * 16 + 8) === 1,
  }));
}
