/** By key, in order of appearance. */
export function groupBy<K, T>(all: Iterable<T>, key: (each: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const each of all) {
    const group = groups.get(key(each));
    if (group) group.push(each);
    else groups.set(key(each), [each]);
  }
  return groups;
}

/** In ascending order: brokers answer in whatever order they like. */
export const sortedByPartition = <T>(all: Iterable<readonly [partition: number, value: T]>): Map<number, T> =>
  new Map([...all].sort(([a], [b]) => a - b));
