import type { TopicPartition } from '../log/event-log.js';

/** A partition and the replica that owns it, if any. */
export interface OwnedPartition extends TopicPartition {
  readonly owner: string | undefined;
}

const name = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

/**
 * Assigns partitions to replicas. Every live replica gets the same number, or one more; partitions stay with their owners as far as that allows, so
 * that the fewest move. Deterministic: replicas that read the same rows compute the same assignment.
 */
export function distribute(partitions: readonly OwnedPartition[], replicas: readonly string[]): ReadonlyMap<string, readonly TopicPartition[]> {
  const living = [...new Set(replicas)].sort();
  const given = new Map<string, TopicPartition[]>(living.map((replica) => [replica, []]));
  if (living.length === 0) return given;
  const sorted = [...partitions].sort((a, b) => compare(a.topic, b.topic) || a.partition - b.partition);
  const quotas = quotasOf(sorted, living);
  const free: TopicPartition[] = [];
  for (const { topic, partition, owner } of sorted) {
    const kept = owner === undefined ? undefined : given.get(owner);
    if (kept && kept.length < quotas.get(owner!)!) kept.push({ topic, partition });
    else free.push({ topic, partition });
  }
  for (const replica of living) {
    const own = given.get(replica)!;
    while (own.length < quotas.get(replica)!) own.push(free.shift()!);
  }
  return given;
}

/** Number of partitions for each replica; the replicas that own the most get the remainder. */
function quotasOf(partitions: readonly OwnedPartition[], living: readonly string[]): Map<string, number> {
  const least = Math.floor(partitions.length / living.length);
  const more = partitions.length % living.length;
  const has = new Map<string, number>();
  for (const { owner } of partitions) if (owner !== undefined) has.set(owner, (has.get(owner) ?? 0) + 1);
  const rich = [...living].sort((a, b) => (has.get(b) ?? 0) - (has.get(a) ?? 0) || compare(a, b));
  return new Map(rich.map((replica, place) => [replica, least + (place < more ? 1 : 0)]));
}

/** Partitions to acquire and to release, so that a consumer of `now` consumes `wanted`. */
export function movement(now: readonly TopicPartition[], wanted: readonly TopicPartition[]): { taken: TopicPartition[]; left: TopicPartition[] } {
  const [have, want] = [new Set(now.map(name)), new Set(wanted.map(name))];
  return { taken: wanted.filter((each) => !have.has(name(each))), left: now.filter((each) => !want.has(name(each))) };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
