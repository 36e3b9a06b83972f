import type { Subscription } from '../../event-log.js';

/** Number of partitions by topic. */
export type PartitionCounts = ReadonlyMap<string, number>;

/** The existing topics of a subscription; `missing` are named topics that do not exist. A pattern matches whole names. */
export function subscribedTopics(
  { topics, pattern }: Pick<Subscription, 'topics'> & { readonly pattern?: RegExp },
  existing: PartitionCounts,
): { readonly counts: PartitionCounts; readonly missing: readonly string[] } {
  const whole = pattern && new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gy]/g, ''));
  const named = new Set(topics);
  const counts = [...existing].filter(([topic]) => named.has(topic) || whole?.test(topic)).sort(([a], [b]) => (a < b ? -1 : 1));
  return { counts: new Map(counts), missing: topics.filter((topic) => !existing.has(topic)) };
}

export function equalCounts(a: PartitionCounts, b: PartitionCounts): boolean {
  return a.size === b.size && [...a].every(([topic, count]) => b.get(topic) === count);
}
