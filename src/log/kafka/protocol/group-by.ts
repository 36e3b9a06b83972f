/** Groups by key, in order of first appearance. */
export function groupBy<K, T>(all: Iterable<T>, key: (each: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const each of all) {
    const group = groups.get(key(each));
    if (group) group.push(each);
    else groups.set(key(each), [each]);
  }
  return groups;
}

/** Sorts by partition: brokers return partitions in any order. */
export const sortedByPartition = <T>(all: Iterable<readonly [partition: number, value: T]>): Map<number, T> =>
  new Map([...all].sort(([a], [b]) => a - b));
