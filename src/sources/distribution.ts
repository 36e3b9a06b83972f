import type { TopicPartition } from '../log/event-log.js';

/** A partition, and which replica has it now, if any. */
export interface OwnedPartition extends TopicPartition {
  readonly owner: string | undefined;
}

const name = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

/**
 * Which replica is to have which partition. Every living replica gets as many as every other, or one more; a partition stays with its owner as far as
 * that allows, so that the fewest move. Two replicas that see the same rows say the same.
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

/** How many each replica is to have; those that have more already get the one more. */
function quotasOf(partitions: readonly OwnedPartition[], living: readonly string[]): Map<string, number> {
  const least = Math.floor(partitions.length / living.length);
  const more = partitions.length % living.length;
  const has = new Map<string, number>();
  for (const { owner } of partitions) if (owner !== undefined) has.set(owner, (has.get(owner) ?? 0) + 1);
  const rich = [...living].sort((a, b) => (has.get(b) ?? 0) - (has.get(a) ?? 0) || compare(a, b));
  return new Map(rich.map((replica, place) => [replica, least + (place < more ? 1 : 0)]));
}

/** What to take and what to let go of, so that a consumer of `now` comes to `wanted`. */
export function movement(now: readonly TopicPartition[], wanted: readonly TopicPartition[]): { taken: TopicPartition[]; left: TopicPartition[] } {
  const [have, want] = [new Set(now.map(name)), new Set(wanted.map(name))];
  return { taken: wanted.filter((each) => !have.has(name(each))), left: now.filter((each) => !want.has(name(each))) };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
