import type { Block } from './checkpoint.repository.js';
import type { Lease, Leases } from './leases.js';
import { seal, sealJson, unseal, unsealJson } from './snapshot.js';

/** Leases are stored by the first digits of their key, so that one that changes takes few others with it. */
const BUCKETS = 64;

/** What changes only with a message; ends move with every resend and have blocks of their own. */
type Told = Omit<Lease, 'end' | 'explicit'>;

/** The changed blocks: per bucket the leases as JSON, and in the same order their ends as numbers (end, and 1 when explicit). */
export function dirtyLeases(leases: Leases): Block[] {
  const { changed, moved } = dirtyBuckets(leases);
  const held = byBucket(leases, moved);
  return [...moved]
    .filter((bucket) => held.has(bucket))
    .flatMap((bucket) => {
      const ends = seal(`lease-ends/${bucket}`, [packEnds(held.get(bucket)!)]);
      return changed.has(bucket) ? [sealJson(`leases/${bucket}`, held.get(bucket)!.map(told)), ends] : [ends];
    });
}

/** Names of the blocks whose last lease was forgotten. */
export function emptiedLeases(leases: Leases): string[] {
  const { changed } = dirtyBuckets(leases);
  const held = byBucket(leases, changed);
  return [...changed].filter((bucket) => !held.has(bucket)).flatMap((bucket) => [`leases/${bucket}`, `lease-ends/${bucket}`]);
}

/** Fills empty leases; `opened` is how many there ever were. Throws an Error that names a block which is missing or broken. */
export function restoreLeases(leases: Leases, blocks: readonly Block[], opened: number): void {
  const named = new Map(blocks.map((block) => [block.id, block]));
  const restored: Lease[] = [];
  for (const block of blocks) {
    const ofLeases = block.id.startsWith('leases/');
    const counterpart = named.get(ofLeases ? block.id.replace('leases', 'lease-ends') : block.id.replace('lease-ends', 'leases'));
    if (!counterpart) throw new Error(`checkpoint block ${block.id} lacks its counterpart`);
    if (ofLeases) restored.push(...joined(unsealJson(block) as Told[], counterpart));
  }
  leases.restore(restored, opened);
}

function joined(told: readonly Told[], block: Block): Lease[] {
  const ends = unseal(block);
  if (ends.length !== told.length * 16) throw new Error(`checkpoint block ${block.id} does not fit its leases`);
  return told.map((lease, index) => ({ ...lease, end: ends.readDoubleLE(index * 16), explicit: ends.readDoubleLE(index * 16 + 8) === 1 }));
}

function dirtyBuckets({ changed, moved }: Leases): { changed: Set<number>; moved: Set<number> } {
  const buckets = [...changed].map(bucketOf);
  return { changed: new Set(buckets), moved: new Set([...buckets, ...[...moved].map(bucketOf)]) };
}

function byBucket(leases: Leases, buckets: ReadonlySet<number>): Map<number, Lease[]> {
  const held = new Map<number, Lease[]>();
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

const told = ({ end: _end, explicit: _explicit, ...rest }: Lease): Told => rest;

function packEnds(leases: readonly Lease[]): Buffer {
  const ends = Buffer.allocUnsafe(leases.length * 16);
  leases.forEach(({ end, explicit }, index) => {
    ends.writeDoubleLE(end, index * 16);
    ends.writeDoubleLE(explicit ? 1 : 0, index * 16 + 8);
  });
  return ends;
}
